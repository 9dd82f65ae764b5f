import { expect, test } from 'vitest';
import { checkConfig, ConfigError, parseConfig } from './config';
import { isFileName } from './file_name';

test.each(['a'.repeat(120), '画'.repeat(40), 'zk', 'zk v2.1', '画风', 'a-b_c', 'conman'])(
  '%s is a name',
  (name) => expect(isFileName(name)).toBe(true),
);

test.each([
  'styles/zk',
  '../zk',
  '..',
  '.',
  '.hidden',
  'a\\b',
  'C:zk',
  'zk.',
  ' zk',
  'nul',
  'COM1.lora',
  'a\u0000b',
  '',
  '画'.repeat(41),
  'a'.repeat(121),
  'a=b',
])('%j is none', (name) => expect(isFileName(name)).toBe(false));

test('a run is refused when its file is read, with the line; a form says it too', () => {
  expect(() => parseConfig('seed: 1\noutput_name: styles/zk\n')).toThrow(
    /Line 2: output_name is "styles\/zk"/,
  );
  expect(() => checkConfig({ output_name: '../zk' })).toThrow(ConfigError);
});

test('rates of 0 for all that is trained are no run', () => {
  expect(() => parseConfig('learning_rate: 0\n')).toThrow(/nothing would be learned/);
  expect(() => parseConfig('unet_lr: 0\n')).toThrow(/nothing would be learned/);
  expect(parseConfig('unet_lr: 0\ntrain_text_encoder: true\n').unet_lr).toBe(0);
});

test('what cannot be read is named, with what to do', () => {
  const said = (yaml: string) => {
    try {
      parseConfig(yaml);
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
    }
    return 'read';
  };
  expect(said('sample_prompts:\n  - a cat\n  - 2\n')).toBe(
    'Line 1: sample_prompts: item 2 is 2: put it in quotes.',
  );
  expect(said('sample_prompts:\n  - [a]\n')).toMatch(/item 1 is not a plain text: put it in quotes/);
  expect(said('learning_rate: 0,0001\n')).toMatch(/got "0,0001": write a point .* 0\.0001/);
  expect(said('train_data_dir: "D:\\new\\train"\n')).toMatch(/Windows path .* single quotes/);
  expect(said('train_data_dir: "C:\\Users\\me"\n')).toMatch(/Windows path .* single quotes/);
  expect(said("train_data_dir: 'D:\\new\\train'\n")).toBe('read');
});
