// The settings a LoRA was trained with, from its own metadata: sd-scripts' `ss_*`, or the whole config that OneTrainer puts
// in. Only the file's header is read. What tells how that run went, and sets nothing, is left out as a record.
import type { ByteSource } from '../safetensors/byte_source';
import { ConfigError } from '../config/config';
import { readTree } from './flat_config';
import type { Ledger } from './import_ledger';
import { fromKohya } from './kohya_config';
import { isOff } from './kohya_rules';
import { fromOneTrainer } from './onetrainer_rules';
import { readHeader } from '../safetensors/safetensors';

/** Longest `ot_config` that is read as settings. */
const longest = 200_000;

/** kohya's names in metadata, where they are others than on the command line. */
const renamed: Readonly<Record<string, string>> = {
  batch_size_per_device: 'train_batch_size',
  num_epochs: 'max_train_epochs',
  debiased_estimation: 'debiased_estimation_loss',
};

/** Names that set something; the rest of `ss_*` tells how it went. */
const settings =
  /^(output_name|learning_rate|text_encoder_lr|unet_lr|gradient_accumulation_steps|max_train_steps|lr_warmup_steps|lr_scheduler|network_(module|dim|alpha|dropout|args)|mixed_precision|full_fp16|v2|base_model_version|clip_skip|max_token_length|seed|noise_offset|multires_noise_(iterations|discount)|adaptive_noise_scale|zero_terminal_snr|training_comment|optimizer|max_grad_norm|caption_(dropout_rate|dropout_every_n_epochs|tag_dropout_rate)|face_crop_aug_range|prior_loss_weight|min_snr_gamma|scale_weight_norms|ip_noise_gamma|loss_type|huber_(schedule|c|scale)|fp8_base(_unet)?|base_precision|resolution|color_aug|flip_aug|random_crop|shuffle_caption|enable_bucket|bucket_no_upscale|min_bucket_reso|max_bucket_reso|keep_tokens|train_batch_size|max_train_epochs|debiased_estimation_loss)$/;

/** Throws SafetensorsError for what is no safetensors file, ConfigError where nothing is said in it. */
export async function readLoraSettings(
  source: ByteSource,
): Promise<{ program: 'lora' | 'lora-onetrainer'; ledger: Ledger }> {
  const { metadata, tensors } = await readHeader(source);
  const own = metadata['ot_config'];
  if (own !== undefined && own.length <= longest) {
    return { program: 'lora-onetrainer', ledger: fromOneTrainer(readTree(own).tree, false) };
  }
  const said = Object.entries(metadata).filter(([key]) => key.startsWith('ss_'));
  if (!said.some(([key]) => settings.test(nameOf(key)))) {
    throw new ConfigError([
      {
        code: 'no-settings',
        line: 0,
        sentence:
          'This file does not say what it was trained with: it has no metadata of sd-scripts or OneTrainer.',
      },
    ]);
  }
  const values = new Map<string, unknown>();
  const records = new Map<string, unknown>();
  for (const [key, value] of Object.entries(metadata)) {
    const name = nameOf(key);
    // A point in a name would part it: `modelspec.date` is one name.
    if (!key.startsWith('ss_') || !settings.test(name)) records.set(key.replaceAll('.', ' '), value);
    else for (const [each, item] of unfolded(name, value)) values.set(each, item);
  }
  const parts = trainedParts([...tensors.keys()]);
  if (parts) values.set(parts, true);
  const ledger = fromKohya(new Map([...values, ...records]), false);
  for (const key of records.keys()) ledger.leave(key, 'record', true);
  // The epochs and steps of a run are the same length, said twice.
  if (!isOff(ledger.get('max_train_epochs'))) ledger.leave('max_train_steps', 'instead', true);
  return { program: 'lora', ledger };
}

function nameOf(key: string): string {
  const name = key.replace(/^ss_/, '');
  return Object.hasOwn(renamed, name) ? renamed[name] : name;
}

/** Python's words; an optimizer with its arguments; arguments of the network as JSON. */
function unfolded(name: string, value: string): [string, unknown][] {
  if (name === 'optimizer') {
    const [, path = value, said = ''] = /^([\w.]+)(?:\((.*)\))?$/s.exec(value) ?? [];
    const list = said.split(/,(?=\w+=)/).filter(Boolean);
    return list.length > 0
      ? [
          [name, path],
          ['optimizer_args', list],
        ]
      : [[name, path]];
  }
  if (name === 'network_args' && value.startsWith('{') && value.length <= longest) {
    const { tree } = readTree(value);
    const list = tree instanceof Map ? [...tree].map(([key, item]) => `${key}=${String(item)}`) : [];
    return [[name, list]];
  }
  return [[name, value]];
}

/** Which of the two parts the file adapts says which were trained. */
function trainedParts(names: readonly string[]): string | undefined {
  const unet = names.some((name) => name.startsWith('lora_unet_'));
  const textEncoder = names.some((name) => /^lora_te\d?_/.test(name));
  if (unet === textEncoder) return undefined;
  return unet ? 'network_train_unet_only' : 'network_train_text_encoder_only';
}
