/**
 * The list of tags beside a tagger (`selected_tags.csv` of the WD14 family): one line an output of the model, in order,
 * `tag_id,name,category,count`.
 */
import { CsvError, parseCsv } from '../dataset/csv';

export type TagCategory = 'general' | 'character' | 'rating' | 'other';

export interface Tag {
  /** As the file has it, with underscores. */
  readonly name: string;
  readonly category: TagCategory;
}

export class TagListError extends Error {
  override name = 'TagListError';
}

/** Danbooru's numbers; 9 is WD14's own for ratings. */
const categories: ReadonlyMap<string, TagCategory> = new Map([
  ['0', 'general'],
  ['4', 'character'],
  ['9', 'rating'],
]);
/** The longest lists that taggers come with have 70,000 tags in 3 MB. */
const maxBytes = 8 * 2 ** 20;
const maxTags = 100_000;
const maxName = 500;

/** Throws TagListError. */
export function parseTagList(bytes: Uint8Array): Tag[] {
  if (bytes.length > maxBytes) {
    throw new TagListError(
      `The list of tags has ${bytes.length} bytes, expected at most ${maxBytes}. ${choose}`,
    );
  }
  const [header, ...rows] = records(bytes);
  const names = header?.fields.map((field) => field.trim().toLowerCase()) ?? [];
  const [name, category] = [names.indexOf('name'), names.indexOf('category')];
  if (name < 0 || category < 0) {
    throw new TagListError(
      `The list of tags begins with "${names.join(',').slice(0, 80)}", expected columns "name" and "category". ${choose}`,
    );
  }
  if (rows.length === 0 || rows.length > maxTags) {
    throw new TagListError(`The list of tags has ${rows.length} tags, expected 1 to ${maxTags}. ${choose}`);
  }
  return rows.map(({ fields, line }) => {
    const tag = fields[name]?.trim();
    const number = fields[category]?.trim();
    if (!tag || tag.length > maxName || number === undefined || !/^\d+$/.test(number)) {
      throw new TagListError(
        `The list of tags has no tag with a numbered category in line ${line}, but "${fields.join(',').slice(0, 80)}". ${choose}`,
      );
    }
    return { name: tag, category: categories.get(number) ?? 'other' };
  });
}

const choose = 'Choose the selected_tags.csv that lies beside the model.';
/** Eyes, mouths and the like, in which the underscore is drawn: no two letters side by side. */
const word = /\p{L}{2}/u;

/** The tag as captions have it: spaces for underscores, but not in `>_<`. */
export function spokenTag(name: string): string {
  return word.test(name) ? name.replaceAll('_', ' ') : name;
}

function records(bytes: Uint8Array) {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new TagListError(`The list of tags is not UTF-8 text. ${choose}`);
  }
  try {
    return parseCsv(text, 'The list of tags');
  } catch (error) {
    if (error instanceof CsvError) throw new TagListError(`${error.message} ${choose}`);
    throw error;
  }
}
