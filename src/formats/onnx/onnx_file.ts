/**
 * Whether a file is an ONNX model, whole, told from the outermost layer of its protobuf (ModelProto of onnx.proto)
 * and its first bytes; what it is instead, where people commonly mistake it. Reads headers only, never the weights.
 */
import type { ByteSource } from '../safetensors/byte_source';
import { externalFiles } from './onnx_external';
import { varint } from '../protobuf/varint';

/** What a file is that is no whole ONNX model. */
export type OnnxFileProblem =
  | 'empty'
  /** safetensors: a checkpoint or LoRA. */
  | 'safetensors'
  /** What PyTorch saves: a zip, or a bare pickle. */
  | 'pickle'
  | 'web-page'
  /** The stand-in that Git LFS leaves for a file it did not fetch. */
  | 'pointer'
  | 'not-onnx'
  | 'cut-short';

export type OnnxFileReading =
  | {
      readonly ok: true;
      readonly irVersion: number;
      readonly metadata: ReadonlyMap<string, string>;
      /** Further files that its weights lie in, by the names that the model gives them; of most models none. */
      readonly external: readonly string[];
    }
  | { readonly ok: false; readonly problem: OnnxFileProblem; readonly offset: number };

/** Fields of ModelProto, by number: wire type 0 is a number, 2 a length and as many bytes. */
const fields: ReadonlyMap<number, 0 | 2> = new Map([
  [1, 0], // ir_version
  [2, 2], // producer_name
  [3, 2], // producer_version
  [4, 2], // domain
  [5, 0], // model_version
  [6, 2], // doc_string
  [7, 2], // graph
  [8, 2], // opset_import
  [14, 2], // metadata_props
  [20, 2], // training_info
  [25, 2], // functions
  [26, 2], // configuration
]);
const graphField = 7;
const functionField = 25;
const metadataField = 14;
/** A longer note is nothing to act on. */
const longestNote = 64 * 1024;
/** Tag and length, each at most ten bytes. */
const headerBytes = 20;
/** A model's functions and notes are hundreds at most. */
const mostFields = 10_000;
const latestIr = 64;

/** Never throws for what is in the file. */
export async function readOnnxFile(source: ByteSource): Promise<OnnxFileReading> {
  const refuse = (problem: OnnxFileProblem, offset: number): OnnxFileReading => ({
    ok: false,
    problem,
    offset,
  });
  if (source.byteLength === 0) return refuse('empty', 0);
  const mistaken = mistakenFor(new Uint8Array(await source.slice(0, Math.min(256, source.byteLength))));
  if (mistaken) return refuse(mistaken, 0);

  let irVersion: number | undefined;
  let graph = false;
  const metadata = new Map<string, string>();
  const external = new Set<string>();
  let at = 0;
  for (let count = 0; at < source.byteLength; count++) {
    const bytes = new Uint8Array(await source.slice(at, Math.min(at + headerBytes, source.byteLength)));
    const tag = varint(bytes, 0);
    const field = tag && tag.value >> 3;
    if (!tag || field === undefined || fields.get(field) !== (tag.value & 7) || count > mostFields) {
      // What looked like a model up to here was damaged or had something appended.
      return refuse(irVersion !== undefined && graph ? 'cut-short' : 'not-onnx', at);
    }
    const number = varint(bytes, tag.end);
    if (!number) return refuse('cut-short', at);
    if (field === 1) {
      irVersion = number.value;
      if (irVersion < 1 || irVersion > latestIr) return refuse('not-onnx', at);
    }
    graph ||= field === graphField;
    const end = at + number.end + (fields.get(field) === 2 ? number.value : 0);
    if (field === metadataField && number.value <= longestNote && end <= source.byteLength) {
      const [key, value] = entry(new Uint8Array(await source.slice(at + number.end, end)));
      if (key !== undefined) metadata.set(key, value ?? '');
    }
    const inside = field === graphField ? 'graph' : field === functionField ? 'function' : undefined;
    if (inside && end <= source.byteLength)
      await externalFiles(source, inside, at + number.end, end, external);
    at = end;
  }
  if (at > source.byteLength) return refuse(irVersion === undefined ? 'not-onnx' : 'cut-short', at);
  if (irVersion === undefined) return refuse('not-onnx', 0);
  return graph ? { ok: true, irVersion, metadata, external: [...external] } : refuse('cut-short', at);
}

/** A StringStringEntryProto: key is field 1, value field 2. */
function entry(bytes: Uint8Array): (string | undefined)[] {
  const out: (string | undefined)[] = [undefined, undefined];
  for (let at = 0; at < bytes.length;) {
    const length = varint(bytes, at + 1);
    if ((bytes[at] & 7) !== 2 || !length) break;
    const text = new TextDecoder().decode(bytes.subarray(length.end, length.end + length.value));
    out[(bytes[at] >> 3) - 1] = text;
    at = length.end + length.value;
  }
  return out;
}

function mistakenFor(head: Uint8Array): OnnxFileProblem | undefined {
  const text = new TextDecoder('latin1').decode(head);
  if (text.startsWith('version https://git-lfs')) return 'pointer';
  if (/^\s*(<!doctype|<html|<\?xml)/i.test(text)) return 'web-page';
  if (text.startsWith('PK\x03\x04') || /^\x80[\x02-\x05]/.test(text)) return 'pickle';
  // Eight bytes of length, then JSON.
  return text[8] === '{' && /^\{\s*"/.test(text.slice(8)) ? 'safetensors' : undefined;
}
