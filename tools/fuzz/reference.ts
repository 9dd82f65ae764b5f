/**
 * Our reader of safetensors against the format's own (the `safetensors` package, in Rust, asked through Python): the same
 * files to both. We may refuse more, for reasons that are counted; we may never take what it refuses.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { joined } from '../../src/formats/protobuf/wire';
import { fromBytes } from '../../src/formats/safetensors/byte_source';
import { readHeader } from '../../src/formats/safetensors/safetensors';
import { SafetensorsError } from '../../src/formats/safetensors/safetensors_error';
import { Random } from './random';
import { headerKinds, tensorFile } from './rows/tensors';

export interface Comparison {
  readonly version: string;
  readonly same: { taken: number; refused: number };
  /** By the code of our error. */
  readonly stricter: Record<string, number>;
  /** The first few, as base64. */
  readonly looser: string[];
}

/** Reads a count and that many files, each with its length before it, and answers a byte for each. */
const SCRIPT = `
import struct, sys
from safetensors import deserialize
import safetensors
inp, out = sys.stdin.buffer, sys.stdout.buffer
out.write(safetensors.__version__.encode() + b"\\n"); out.flush()
while True:
    head = inp.read(4)
    if len(head) < 4: break
    answers = bytearray()
    for _ in range(struct.unpack("<I", head)[0]):
        (length,) = struct.unpack("<I", inp.read(4))
        data = inp.read(length)
        try:
            deserialize(data); answers.append(1)
        except BaseException:
            answers.append(0)
    out.write(bytes(answers)); out.flush()
`;
const AT_ONCE = 500;

/** Undefined where this Python has no such package. */
export async function compareWithReference(
  python: string,
  seed: number,
  cases: number,
  until: number,
): Promise<Comparison | undefined> {
  const child = spawn(python, ['-c', SCRIPT], { stdio: ['pipe', 'pipe', 'ignore'] });
  const answers = bytesFrom(child.stdout);
  const gone = once(child, 'error').catch(() => undefined);
  const version = await Promise.race([answers.line(), gone.then(() => undefined)]);
  if (typeof version !== 'string') return undefined;
  const result: Comparison = { version, same: { taken: 0, refused: 0 }, stricter: {}, looser: [] };
  for (let from = 0; from < cases && performance.now() < until; from += AT_ONCE) {
    const count = Math.min(AT_ONCE, cases - from);
    const files = Array.from({ length: count }, (_, i) =>
      tensorFile(new Random(seed, 'reference', from + i), headerKinds()),
    );
    child.stdin.write(joined([uint32(count), ...files.flatMap((file) => [uint32(file.length), file])]));
    const theirs = answers.take(count);
    const ours: (string | undefined)[] = [];
    for (const file of files) ours.push(await refusalOf(file));
    const said = await theirs;
    for (const [i, code] of ours.entries()) {
      const taken = said[i] === 1;
      if (code === undefined && taken) result.same.taken++;
      else if (code !== undefined && !taken) result.same.refused++;
      else if (code !== undefined) result.stricter[code] = (result.stricter[code] ?? 0) + 1;
      else if (result.looser.length < 20)
        result.looser.push(Buffer.from(files[i]).toString('base64').slice(0, 2000));
    }
  }
  child.stdin.end();
  return result;
}

/** The code of our error; undefined where the file is taken. */
async function refusalOf(file: Uint8Array): Promise<string | undefined> {
  try {
    await readHeader(fromBytes(file));
    return undefined;
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    return error.code;
  }
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** Waits for so many bytes, or for a line, of a stream; undefined where it ends before. */
function bytesFrom(stream: NodeJS.ReadableStream) {
  let held = Buffer.alloc(0);
  let ended = false;
  let wake: () => void = () => undefined;
  stream.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    wake();
  });
  stream.on('end', () => {
    ended = true;
    wake();
  });
  const until = async (ready: () => number): Promise<Buffer> => {
    for (;;) {
      const length = ready();
      if (length >= 0) {
        const taken = held.subarray(0, length);
        held = held.subarray(length);
        return taken;
      }
      if (ended) throw new Error('The reference ended before it had answered.');
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  return {
    take: (count: number) => until(() => (held.length >= count ? count : -1)),
    line: () =>
      until(() => held.indexOf(0x0a) + 1 || -1).then(
        (bytes) => bytes.toString().trim(),
        () => undefined,
      ),
  };
}
