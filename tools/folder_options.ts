/** The options by which train and label are told what a folder itself does not say. */
import { encodings, type Encoding } from '../src/formats/dataset/text';
import { preferences, type Prefer } from '../src/formats/dataset/two_sources';
import { oneOf } from './command';

export const folderOptions = {
  encoding: { type: 'string' },
  prefer: { type: 'string' },
} as const;

export const FOLDER_USAGE = `  --encoding ${encodings.join('|')}   of captions that are not UTF-8; never guessed
  --prefer ${preferences.join('|')}   which caption counts where a table and the file beside the picture differ (newer)`;

/** Throws UsageError. */
export function folderChoices(values: { encoding?: string; prefer?: string }): {
  encoding?: Encoding;
  prefer?: Prefer;
} {
  return {
    ...(values.encoding !== undefined && {
      encoding: oneOf(
        '--encoding',
        aliases.get(values.encoding.toLowerCase()) ?? values.encoding.toLowerCase(),
        encodings,
      ),
    }),
    ...(values.prefer !== undefined && {
      prefer: oneOf('--prefer', values.prefer.toLowerCase(), preferences),
    }),
  };
}

/** Other names of the same. */
const aliases: ReadonlyMap<string, Encoding> = new Map(
  Object.entries({
    gb2312: 'gbk',
    gb18030: 'gbk',
    cp936: 'gbk',
    sjis: 'shift-jis',
    shift_jis: 'shift-jis',
    cp932: 'shift-jis',
    cp949: 'euc-kr',
    cp1252: 'windows-1252',
    utf8: 'utf-8',
  } as const),
);
