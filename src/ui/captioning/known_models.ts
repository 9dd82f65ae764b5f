/**
 * The captioning models that one press gets: whose they are, where their files lie, how large they are and by which
 * hash they are known. From a list of our own origin, which who hosts the studio may point elsewhere.
 */
import { captionerKey, type CaptionerRole, type StoredCaptioner } from '../../storage/captioners';
import { isServed } from '../served';
import { rolesOf } from './model_roles';
import { ownFile } from '../../protocol/studio_root';

export interface KnownFile {
  readonly role: CaptionerRole;
  readonly address: string;
  readonly byteLength: number;
  readonly sha256: string;
}

export interface KnownModel {
  readonly kind: StoredCaptioner['kind'];
  readonly name: string;
  /** Owner and name of the repository. */
  readonly source: string;
  readonly licence: string;
  readonly files: readonly KnownFile[];
}

let asked: Promise<readonly KnownModel[]> | undefined;

/** Never rejects: without the list there are still files and addresses. Asked for once, and again after a failure. */
export async function knownModels(): Promise<readonly KnownModel[]> {
  asked ??= fetchList();
  try {
    return await asked;
  } catch {
    asked = undefined;
    return [];
  }
}

async function fetchList(): Promise<readonly KnownModel[]> {
  const response = await fetch(ownFile('captioners.json'));
  if (!isServed(response)) throw new Error(`captioners.json answered ${response.status}.`);
  return parseKnownModels(await response.json());
}

/** What is not as it should be is left out. */
export function parseKnownModels(list: unknown): KnownModel[] {
  return Array.isArray(list) ? list.flatMap((each) => parseModel(each) ?? []) : [];
}

function parseModel(model: unknown): KnownModel | undefined {
  const { kind, name, source, licence, files } = (model ?? {}) as Record<string, unknown>;
  if (kind !== 'clip' && kind !== 'tagger') return undefined;
  if (!isText(name) || !isText(source) || !isText(licence) || !Array.isArray(files)) return undefined;
  const parsed = files.flatMap((file) => parseFile(file, rolesOf[kind]) ?? []);
  const whole = rolesOf[kind].every((role) => parsed.filter((file) => file.role === role).length === 1);
  return whole && parsed.length === files.length ? { kind, name, source, licence, files: parsed } : undefined;
}

function parseFile(file: unknown, roles: readonly CaptionerRole[]): KnownFile | undefined {
  const { role, address, byteLength, sha256 } = (file ?? {}) as Record<string, unknown>;
  const known = roles.find((each) => each === role);
  if (!known || !isText(address) || !URL.canParse(address)) return undefined;
  if (typeof byteLength !== 'number' || !Number.isSafeInteger(byteLength) || byteLength <= 0)
    return undefined;
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) return undefined;
  return { role: known, address: new URL(address).href, byteLength, sha256 };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

export function sizeOf({ files }: KnownModel): number {
  return files.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** The key it has once it is kept. */
export function keyOf({ files }: KnownModel): string {
  return captionerKey(files);
}

export function hostOf({ files: [first] }: KnownModel): string {
  return new URL(first.address).host;
}
