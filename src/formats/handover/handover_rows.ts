/** What becomes of each setting where a run is handed over to sd-scripts. A new setting does not compile without a row. */
import type { FieldName } from '../config/config_fields';

export interface HandoverRow {
  /** `approximated`: it has an effect of the same kind; `dropped`: none. */
  readonly fate: 'mapped' | 'approximated' | 'dropped';
  /** Their name; '' for none. */
  readonly as: string;
  /** What differs. */
  readonly why?: string;
}

const mapped = (as: string, why?: string): HandoverRow => ({
  fate: 'mapped',
  as,
  ...(why === undefined ? {} : { why }),
});
const near = (as: string, why: string): HandoverRow => ({ fate: 'approximated', as, why });
const dropped = (why: string): HandoverRow => ({ fate: 'dropped', as: '', why });

export const HANDOVER_ROWS: Readonly<Record<FieldName, HandoverRow>> = {
  train_data_dir: mapped('image_dir', 'copied, one folder for each number of repeats'),
  metadata_path: mapped('caption_extension', 'captions lie beside the pictures as .txt'),
  base_model: mapped('pretrained_model_name_or_path', 'not included'),
  vae: mapped('vae', 'not included'),
  output_dir: mapped('output_dir', 'within the job'),
  output_name: mapped('output_name'),
  pretrained_lora: mapped('network_weights'),
  resume: dropped('the saved state is of this studio; its LoRA goes along'),
  training_comment: mapped('training_comment'),
  lora_rank: mapped('network_dim'),
  lora_alpha: mapped('network_alpha'),
  lora_dropout: mapped('network_dropout'),
  train_unet: mapped('network_train_text_encoder_only', 'turned round'),
  train_text_encoder: mapped('network_train_unet_only', 'turned round'),
  batch_size: mapped('batch_size', 'of one process'),
  epochs: mapped('max_train_epochs'),
  max_train_steps: mapped('max_train_steps'),
  learning_rate: mapped('learning_rate'),
  unet_lr: mapped('unet_lr'),
  text_encoder_lr: mapped('text_encoder_lr'),
  optimizer: mapped('optimizer_type'),
  weight_decay: mapped('optimizer_args weight_decay'),
  adam_beta1: mapped('optimizer_args betas'),
  adam_beta2: mapped('optimizer_args betas'),
  adam_eps: mapped('optimizer_args eps', 'AdamW only'),
  lr_scheduler: mapped('lr_scheduler'),
  lr_warmup_steps: mapped('lr_warmup_steps'),
  lr_scheduler_num_cycles: mapped('lr_scheduler_num_cycles'),
  lr_scheduler_power: mapped('lr_scheduler_power'),
  gradient_accumulation_steps: mapped('gradient_accumulation_steps'),
  max_grad_norm: mapped('max_grad_norm'),
  mixed_precision: near(
    'mixed_precision',
    'fp16 unless fp32 was asked for; with fp32 the base model is not rounded to halves there',
  ),
  base_precision: near(
    'fp8_base_unet',
    'int8 becomes 8-bit floats, which are coarser; NF4 is not there and becomes the same; not without half precision',
  ),
  tune_gpu: dropped('it is about our kernels'),
  memory_budget_gb: near('gradient_checkpointing', 'always on; there is no budget'),
  seed: near('seed', 'other random numbers'),
  resolution: mapped('resolution'),
  enable_bucket: mapped('enable_bucket'),
  min_bucket_reso: mapped('min_bucket_reso'),
  max_bucket_reso: mapped('max_bucket_reso'),
  bucket_reso_steps: mapped('bucket_reso_steps'),
  bucket_no_upscale: mapped('bucket_no_upscale'),
  num_repeats: mapped('num_repeats', "times the folder's own"),
  flip_aug: near('flip_aug', 'the mirrored latents are cached, ours are drawn anew'),
  shuffle_caption: mapped('shuffle_caption'),
  keep_tokens: mapped('keep_tokens'),
  keep_tokens_separator: mapped('keep_tokens_separator'),
  caption_dropout_rate: mapped('caption_dropout_rate'),
  caption_dropout_every_n_epochs: mapped('caption_dropout_every_n_epochs'),
  caption_tag_dropout_rate: mapped('caption_tag_dropout_rate'),
  caption_prefix: mapped('caption_prefix'),
  caption_suffix: mapped('caption_suffix'),
  max_token_length: mapped('max_token_length'),
  clip_skip: mapped('clip_skip', 'not with two text encoders, where it has no effect'),
  v_parameterization: mapped('v_parameterization'),
  zero_terminal_snr: mapped('zero_terminal_snr'),
  min_snr_gamma: mapped('min_snr_gamma'),
  noise_offset: mapped('noise_offset'),
  adaptive_noise_scale: mapped('adaptive_noise_scale'),
  debiased_estimation_loss: mapped('debiased_estimation_loss'),
  save_steps: mapped('save_every_n_steps', 'without the state, which --save_state adds'),
  save_every_n_epochs: mapped('save_every_n_epochs'),
  keep_last_n: near('save_last_n_steps', 'theirs counts steps and epochs, not files'),
  save_precision: mapped('save_precision'),
  sample_prompts: mapped('sample_prompts', 'as a file'),
  sample_negative_prompt: mapped('sample_prompts --n'),
  sample_every_n_steps: mapped('sample_every_n_steps'),
  sample_every_n_epochs: mapped('sample_every_n_epochs'),
  sample_sampler: mapped('sample_sampler'),
  sample_steps: mapped('sample_prompts --s'),
  sample_cfg_scale: mapped('sample_prompts --l'),
  sample_seed: near('sample_prompts --d', 'another noise from the same number'),
};

/** How many settings have each fate. */
export function fates(): Readonly<Record<HandoverRow['fate'], number>> {
  const counts = { mapped: 0, approximated: 0, dropped: 0 };
  for (const { fate } of Object.values(HANDOVER_ROWS)) counts[fate]++;
  return counts;
}
