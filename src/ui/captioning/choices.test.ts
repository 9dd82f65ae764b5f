/** What follows from proposals and files without a worker: what a set leaves out, what files are, what models are called. */
import { expect, test } from 'vitest';
import type { CaptionProposal } from '../../protocol/captioner';
import { confidenceText } from './confidence';
import { leftOutSlots } from './left_out';
import { modelName, nameInAddress } from './model_name';
import { optionsOf, toggled, withModel } from './project_options';
import { roleOf } from './model_roles';

const phrase = (slot: string, words: string) => ({ slot, phrase: words, confidence: 0.5 });

test('What the purpose leaves out is told by slot, commonest phrases first; what is shown all the same stays listed', () => {
  const proposals: CaptionProposal[] = ['ink painting', 'oil painting', 'ink painting'].map((medium, i) => ({
    id: String(i),
    caption: 'a cat',
    said: [phrase('subject', 'cat'), phrase('mood', 'calm')],
    hidden: [
      { ...phrase('medium', medium), why: 'style-of-the-set' },
      { ...phrase('shot', 'close-up'), why: 'not-in-template' },
    ],
    confidence: 0.5,
    cut: false,
  }));
  expect(leftOutSlots(proposals, [])).toEqual([
    { slot: 'medium', phrases: ['ink painting', 'oil painting'] },
  ]);
  expect(leftOutSlots(proposals, ['mood', 'style'])).toEqual([
    { slot: 'medium', phrases: ['ink painting', 'oil painting'] },
    { slot: 'mood', phrases: ['calm'] },
    { slot: 'style', phrases: [] },
  ]);
});

test('Files are told apart as public exports name them', () => {
  const names = [
    'vision_model_quantized.onnx',
    'Text_Model.onnx',
    'model.onnx',
    'selected_tags.csv',
    'a.zip',
  ];
  expect(names.map((name) => roleOf('clip', name))).toEqual([
    'vision',
    'text',
    undefined,
    undefined,
    undefined,
  ]);
  expect(names.map((name) => roleOf('tagger', name))).toEqual(['model', 'model', 'model', 'tags', undefined]);
});

test('A model is called by its repository, else by its file', () => {
  expect(nameInAddress('https://x.example/Some/clip-b32/resolve/main/onnx/vision_model.onnx')).toBe(
    'clip-b32',
  );
  expect(nameInAddress('https://x.example/vision_model.onnx')).toBeUndefined();
  expect(nameInAddress('not an address')).toBeUndefined();
  expect(modelName('vision_model.onnx', 'CLIP')).toBe('CLIP, vision_model');
});

test('Options of a project: defaults where nothing is said, and another model lets go of the old slots', () => {
  const base = { id: 'p', name: 'p', createdAt: 0, changedAt: 0, settings: {} };
  const options = optionsOf({ ...base, purpose: 'object', trigger: ' kiko ', captions: { shown: ['mood'] } });
  expect(options).toMatchObject({
    purpose: 'object',
    trigger: 'kiko',
    template: '',
    folded: [],
    shown: ['mood'],
  });
  expect(withModel({ model: 'a', mode: 'append', template: '[x]' }, 'b')).toEqual({
    model: 'b',
    mode: 'append',
  });
  expect(withModel({ model: 'a', template: '[x]' }, 'a')).toEqual({ model: 'a', template: '[x]' });
  expect(toggled(toggled(['a'], 'b', true), 'a', false)).toEqual(['b']);
});

test('No model is surer than .99', () => {
  expect([0.814, 0.999, 1, 0.05].map(confidenceText)).toEqual(['.81', '.99', '.99', '.05']);
});
