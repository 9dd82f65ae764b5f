import type { EngineFacts } from '../../protocol/engine_errors';

/** Settings that contradict each other or the data. */
export class RunSettingsError extends Error {
  override readonly name = 'RunSettingsError';
  readonly facts = {};
  constructor(readonly code: keyof EngineFacts['RunSettingsError']) {
    super(
      code === 'no-pictures'
        ? 'There are no pictures to train on.'
        : 'Nothing is trained: set train_unet or train_text_encoder to true.',
    );
  }
}
