import { expect, test } from 'vitest';
import { defaultConfig } from '../../formats/config/config';
import { formatConfig } from '../../formats/config/config_format';
import { basePrecision } from './base_precision';

test.each([
  ['fp16', undefined],
  ['int8', 'int8'],
  ['nf4', 'nf4'],
] as const)('a run with its base model in %s says so where it is not the usual', (base_precision, said) => {
  expect(basePrecision(formatConfig({ ...defaultConfig(), base_precision }))).toBe(said);
});
