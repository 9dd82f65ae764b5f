import { expect, test } from 'vitest';
import { glossary } from './glossary';
import { messages } from './messages';
import { questions } from './questions';

const WANTED = [
  ...['LoRA', 'Base model', 'Checkpoint', 'Trigger word', 'Epoch', 'Step', 'Repeats', 'Rank', 'Alpha'],
  ...['Learning rate', 'Batch size', 'Gradient accumulation', 'Bucket', 'Loss', 'Overfitting'],
  ...['Underfitting', 'CLIP', 'Caption', 'Tag', 'Seed', 'Sampler', 'CFG', 'Min-SNR', 'Text encoder'],
  ...['U-Net', 'VAE', 'f16, half precision', 'VRAM'],
];

test('The glossary has the words of the trade, each once, in a sentence of either language', () => {
  const names = glossary.map(({ name }) => name.en);
  expect(names).toEqual(expect.arrayContaining(WANTED));
  expect(new Set(names).size).toBe(names.length);
  for (const { name, text } of glossary) {
    expect(text.en, name.en).toMatch(/^[A-Z0-9].*\.$/);
    expect(text.zh, name.en).toMatch(/。$/);
    expect(text.zh, name.en).toMatch(/\p{sc=Han}{2}/u);
  }
});

test('Every question is answered in both languages, in as many paragraphs', () => {
  expect(questions.zh.map(({ answer }) => answer.length)).toEqual(
    questions.en.map(({ answer }) => answer.length),
  );
  for (const { ask, answer } of questions.zh) {
    for (const text of [ask, ...answer]) expect(text).toMatch(/\p{sc=Han}{2}/u);
  }
  for (const { ask, answer } of questions.en) {
    for (const text of [ask, ...answer]) expect(text).not.toMatch(/\p{sc=Han}/u);
  }
  expect(messages.zh.steps.length).toBe(messages.en.steps.length);
});
