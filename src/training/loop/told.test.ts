import { expect, test } from 'vitest';
import { CheckpointError } from '../../formats/checkpoint/checkpoint_kind';
import { told } from './told';

test('an error of ours crosses with name, code and facts; any other with its sentence', () => {
  const failed = new CheckpointError('kind', { kind: 'sdxl' }, 'This is an SDXL checkpoint.');
  expect(structuredClone(told(failed))).toEqual({
    sentence: 'This is an SDXL checkpoint.',
    error: { name: 'CheckpointError', code: 'kind', facts: { kind: 'sdxl' } },
  });
  expect(told(new Error('boom'))).toEqual({ sentence: 'boom' });
  expect(told('boom')).toEqual({ sentence: 'boom' });
});
