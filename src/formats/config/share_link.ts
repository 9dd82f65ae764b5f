// Settings as a link: what differs from the defaults, as compact JSON, raw deflate (RFC 1951), base64url without
// '=' after `#c=`, which browsers never send to a server. Only numbers, switches and choices travel: nothing that
// a person typed (captions, trigger word, prompts, names, paths) can be in a link, whoever made it.
import {
  configFields,
  fieldList,
  isFieldName,
  type Field,
  type FieldName,
  type TrainConfig,
} from './config_fields';
import { readValue } from './config_values';
import { JsonError, JsonNumber, parseStrictJson, type JsonValue } from '../safetensors/strict_json';

/** What the address hash of a link starts with. */
export const linkMark = '#c=';
/** Characters of a whole address that chats, mail programs and QR codes still carry. */
export const longestLink = 2000;
/** A link of 2,000 characters can unfold to 1.5 MB; all settings take 4 KB. */
const mostInflated = 64 * 1024;

/** A link cannot be made, or is no link of ours. The sentence says what to do. */
export class ShareLinkError extends Error {
  override name = 'ShareLinkError';
  constructor(
    readonly code: 'too-long' | 'not-base64' | 'not-deflate' | 'too-large' | 'not-json' | 'not-a-map',
    sentence: string,
  ) {
    super(sentence);
  }
}

/** Why something in a link was left out. */
export interface LinkRefusal {
  readonly name: string;
  readonly why: 'unknown' | 'private' | 'invalid';
  readonly sentence: string;
}

/**
 * Which kind of base model the settings were made for: the studio's small demo model learns by other rates and sizes, and so do
 * families of models. `own` is one of a person's, of Stable Diffusion 1.x unless its sizes say otherwise; another family is
 * said by its name (which whoever reads it need not know).
 */
export type LinkBase = string;
const linkBase = /^[a-z][a-z0-9]{1,11}$/;
/** No field is called so. */
const BASE = 'base';

/** What a link says: values that their fields accept, and what was refused. */
export interface LinkedSettings {
  /** Older links do not say. */
  readonly base?: LinkBase;
  readonly settings: Readonly<Partial<TrainConfig>>;
  readonly refused: readonly LinkRefusal[];
}

/** Whether a field may travel: nothing that is typed as text does. */
export function isShared(field: Field): boolean {
  return field.kind !== 'text' && field.kind !== 'texts' && field.kind !== 'switch-or-path';
}

/** The whole address: `page` (without a hash) and the settings. Throws ShareLinkError if it is too long. */
export async function writeShareLink(config: TrainConfig, page: string, base?: LinkBase): Promise<string> {
  const values: { readonly [name: string]: unknown } = config;
  const differing = fieldList
    .filter(({ name, field }) => isShared(field) && values[name] !== field.default)
    .map(({ name }) => [name, values[name]] as const);
  const json = new TextEncoder().encode(
    JSON.stringify({ ...(base && { [BASE]: base }), ...Object.fromEntries(differing) }),
  );
  const link = page + linkMark + toBase64Url(await collect(json, new CompressionStream('deflate-raw')));
  if (link.length <= longestLink) return link;
  throw new ShareLinkError(
    'too-long',
    `The link would have ${link.length} characters, and many programs cut off after ${longestLink}. ` +
      'Save the settings as a YAML file and send that.',
  );
}

/** Reads what follows an address's '#'. Throws ShareLinkError if it cannot be read at all. */
export async function readShareLink(hash: string): Promise<LinkedSettings> {
  const text = hash.startsWith(linkMark) ? hash.slice(linkMark.length) : hash;
  if (text.length > longestLink) {
    throw new ShareLinkError(
      'too-long',
      `A settings link has at most ${longestLink} characters; this has more.`,
    );
  }
  const value = parse(await inflate(fromBase64Url(text)));
  if (!(value instanceof Map)) {
    throw new ShareLinkError('not-a-map', 'The link holds no list of settings. Ask for it again.');
  }
  const settings: [FieldName, unknown][] = [];
  const refused: LinkRefusal[] = [];
  const base = value.get(BASE);
  for (const [name, item] of value) {
    if (name === BASE && isLinkBase(item)) continue;
    const read = readSetting(name, item);
    if ('why' in read) refused.push(read);
    else settings.push([read.name, read.value]);
  }
  // Each value was read by its own field.
  return {
    ...(isLinkBase(base) && { base }),
    settings: Object.fromEntries(settings),
    refused,
  };
}

function isLinkBase(item: unknown): item is LinkBase {
  return typeof item === 'string' && linkBase.test(item);
}

/** How a GPU is used is its owner's business: a link that does not say it leaves it as it is. */
const ownersBusiness: readonly string[] = [
  'memory_budget_gb',
  'mixed_precision',
  'base_precision',
  'tune_gpu',
] satisfies FieldName[];

/** All that a link means: what it does not name had its default where it was made. What was refused stays unsaid. */
export function meantByLink({ settings, refused }: LinkedSettings): Partial<TrainConfig> {
  const unsaid = new Set([...ownersBusiness, ...refused.map(({ name }) => name)]);
  const defaults = fieldList
    .filter(({ name, field }) => isShared(field) && !unsaid.has(name))
    .map(({ name, field }) => [name, field.default]);
  return { ...(Object.fromEntries(defaults) as Partial<TrainConfig>), ...settings };
}

function readSetting(name: string, item: JsonValue): LinkRefusal | { name: FieldName; value: unknown } {
  const shown = JSON.stringify(name.slice(0, 60));
  if (!isFieldName(name)) return { name, why: 'unknown', sentence: `There is no field ${shown}.` };
  if (!isShared(configFields[name])) {
    return { name, why: 'private', sentence: `${name} is a text, and no text is taken from a link.` };
  }
  const result = readValue(configFields[name], plain(item), undefined);
  return 'problem' in result
    ? { name, why: 'invalid', sentence: `${name}: ${result.problem.sentence}` }
    : { name, value: result.value };
}

/** A field's value is a number, a switch or a word; lists and maps stay what no field accepts. */
function plain(item: JsonValue): unknown {
  return item instanceof JsonNumber ? Number(item.text) : item;
}

function parse(text: string): JsonValue {
  try {
    return parseStrictJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new ShareLinkError('not-json', `The link holds no settings: ${error.message} Ask for it again.`);
  }
}

async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  try {
    const inflated = await collect(bytes, new DecompressionStream('deflate-raw'), mostInflated);
    return new TextDecoder('utf-8', { fatal: true }).decode(inflated);
  } catch (error) {
    if (error instanceof ShareLinkError) throw error;
    throw new ShareLinkError(
      'not-deflate',
      'The link is damaged, or a part of it is missing. Copy it again, whole.',
    );
  }
}

/** Sends bytes through a stream; stops reading, and with it the work, as soon as more than `most` come out. */
async function collect(
  bytes: Uint8Array<ArrayBuffer>,
  through: CompressionStream | DecompressionStream,
  most = Infinity,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = new Blob([bytes]).stream().pipeThrough(through).getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    length += next.value.byteLength;
    if (length > most) {
      await reader.cancel();
      throw new ShareLinkError(
        'too-large',
        'The link unfolds to more than 64 KB, so it holds no settings. Do not use it.',
      );
    }
    parts.push(next.value);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[\w-]+$/.test(text) || text.length % 4 === 1) {
    throw new ShareLinkError(
      'not-base64',
      'The link is damaged: it has characters that no settings link has. Copy it again.',
    );
  }
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
