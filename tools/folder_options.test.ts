import { expect, test } from 'vitest';
import { folderChoices } from './folder_options';

test('Encodings go by the names that people know; what is none is refused with the list', () => {
  expect(folderChoices({ encoding: 'GB2312', prefer: 'sidecars' })).toEqual({
    encoding: 'gbk',
    prefer: 'sidecars',
  });
  expect(folderChoices({ encoding: 'Shift_JIS' })).toEqual({ encoding: 'shift-jis' });
  expect(folderChoices({})).toEqual({});
  expect(() => folderChoices({ encoding: 'latin' })).toThrow(/--encoding takes gbk, .*, not "latin"/);
  // Every object answers to it.
  expect(() => folderChoices({ encoding: 'constructor' })).toThrow(/not "constructor"/);
  expect(() => folderChoices({ prefer: 'both' })).toThrow(/--prefer takes newer, tables, sidecars/);
});
