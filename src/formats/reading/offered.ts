/** The file that a checkpoint is given away as: written with the chosen metadata, read back and verified. */
import { loraNameOf } from '../captions/lora_prompt';
import { chooseMetadata, rewriteLora, type MetadataChoice } from '../lora/private_metadata';
import { VerificationError, verifyLora, type LoraReport, type VerificationCode } from '../lora/verify_lora';
import { fromBlob } from '../safetensors/byte_source';
import { readHeader } from '../safetensors/safetensors';

/** What is known of the run beside its checkpoint. */
export interface Known {
  readonly trigger: string;
  /** How many layers it trained. */
  readonly modules: number | undefined;
  /** Of the base model's file. */
  readonly baseSha256: string | undefined;
  /** A picture that it drew, as the data URL of a small JPEG. */
  readonly thumbnail?: string | undefined;
}

export type Offered =
  | {
      readonly state: 'ready';
      readonly file: Blob;
      readonly name: string;
      readonly report: LoraReport;
      readonly metadata: Readonly<Record<string, string>>;
    }
  | { readonly state: 'refused'; readonly code: VerificationCode | 'other'; readonly sentence: string };

/** `name`: of the checkpoint. Never rejects for what is in it. */
export async function offered(
  { lora, name }: { readonly lora: Blob; readonly name: string },
  choice: MetadataChoice,
  { trigger, modules, baseSha256, thumbnail }: Known,
): Promise<Offered> {
  const source = fromBlob(lora);
  try {
    const written = (await readHeader(source)).metadata;
    const full = baseSha256 === undefined ? written : { ...written, ss_new_sd_model_hash: baseSha256 };
    const metadata = chooseMetadata(full, choice, trigger, thumbnail);
    const file = new Blob([await rewriteLora(source, metadata)], { type: 'application/octet-stream' });
    const made = fromBlob(file);
    const report = await verifyLora(made, { source, ...(modules === undefined ? {} : { modules }) });
    const fileName = `${loraNameOf(name)}.safetensors`;
    return { state: 'ready', file, name: fileName, report, metadata: (await readHeader(made)).metadata };
  } catch (error) {
    // Where the checkpoint itself cannot be read, the verification says it best.
    const reason =
      error instanceof VerificationError
        ? error
        : await verifyLora(source).then(
            () => error,
            (better: unknown) => better,
          );
    const sentence = reason instanceof Error ? reason.message : String(reason);
    return { state: 'refused', code: reason instanceof VerificationError ? reason.code : 'other', sentence };
  }
}
