/**
 * The files given for a model that is being added: which is which, and which are still missing, those too that a model
 * names as further files of its weights.
 */
import { fromBlob } from '../../formats/safetensors/byte_source';
import { fileNameOf } from '../../formats/onnx/onnx_external';
import { readOnnxFile } from '../../formats/onnx/onnx_file';
import type { CaptionerRole, StoredCaptioner } from '../../storage/captioners';
import { openFile } from '../../storage/files';
import { setOf } from '../collections';
import { roleOf, rolesOf } from './model_roles';
import type { Part } from './models.svelte';

interface Given {
  readonly part: Part;
  /** Where it came from, if by a download. */
  readonly address: string | undefined;
  /** Names of the further files that its weights lie in. */
  readonly external: readonly string[];
}

export class ChosenParts {
  #given: readonly Given[] = $state.raw([]);
  /** Given with the others, and none of the model's own: weights, or nothing that is needed. */
  #others: readonly Part[] = $state.raw([]);

  constructor(readonly kind: StoredCaptioner['kind']) {}

  readonly #needed: readonly string[] = $derived([...setOf(this.#given.flatMap(({ external }) => external))]);

  /** Further files that are wanted and not there, with the addresses they should have beside the model's. */
  readonly missing: readonly { name: string; address: string | undefined }[] = $derived.by(() =>
    this.#needed.flatMap((name) => {
      if (this.external(name)) return [];
      const beside = this.#given.find(({ external }) => external.includes(name))?.address;
      const address = beside === undefined ? null : URL.parse(encodeURIComponent(name), beside);
      return [{ name, address: address?.href }];
    }),
  );

  readonly complete: boolean = $derived.by(
    () => rolesOf[this.kind].every((role) => this.of(role)) && this.missing.length === 0,
  );

  /** A file that is no part of the model, as far as that can be told by now. */
  readonly strange: string | undefined = $derived.by(() => {
    const known = this.#given.length > 0;
    const other = this.#others.find((part) => {
      const name = nameOf(part);
      return known ? !this.#needed.includes(name) : !/data(_\d+)?$/i.test(name);
    });
    return other && nameOf(other);
  });

  /** Names of the further files that are wanted, there or not. */
  get needed(): readonly string[] {
    return this.#needed;
  }

  /** What makes the model, once it is complete. */
  get all(): Part[] {
    const own = rolesOf[this.kind].flatMap((role) => this.of(role) ?? []);
    return [...own, ...this.#needed.flatMap((name) => this.external(name) ?? [])];
  }

  of(role: CaptionerRole): Part | undefined {
    return this.#given.find(({ part }) => part.role === role)?.part;
  }

  external(name: string): Part | undefined {
    return this.#others.find((part) => nameOf(part) === name);
  }

  /** In place of what was there in its role. */
  async put(part: Part, address?: string): Promise<void> {
    if (part.role === 'external') {
      this.#others = [...this.#others.filter((each) => nameOf(each) !== nameOf(part)), part];
      return;
    }
    const external = part.role === 'tags' ? [] : await externalOf(part);
    this.#given = [
      ...this.#given.filter((each) => each.part.role !== part.role),
      { part, address, external },
    ];
  }

  /** Files by their names, in any order. */
  async take(files: Iterable<File>): Promise<void> {
    for (const file of files) await this.put({ role: roleOf(this.kind, file.name) ?? 'external', file });
  }
}

export function nameOf(part: Part): string {
  return 'path' in part ? part.name : part.file.name;
}

/** What is no model has none: the captioner says what it is. */
async function externalOf(part: Part): Promise<string[]> {
  try {
    const reading = await readOnnxFile(fromBlob('path' in part ? await openFile(part.path) : part.file));
    return reading.ok ? reading.external.map(fileNameOf) : [];
  } catch {
    return [];
  }
}
