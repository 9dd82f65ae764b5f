/** How the open project is captioned: what its record says, over the defaults. */
import type { MergeMode } from '../../formats/captions/caption_merge';
import type { CaptionOptions } from '../../protocol/captioner';
import type { CaptionSettings, Project } from '../../storage/projects';

/** Of the tagger's own authors; tags below are more often wrong than right. */
export const TAG_THRESHOLD = 0.35;
export const CHARACTER_THRESHOLD = 0.6;

export function optionsOf({ purpose, trigger, captions = {} }: Project): CaptionOptions {
  return {
    purpose,
    trigger: trigger.trim(),
    template: captions.template ?? '',
    terms: captions.terms ?? {},
    folded: captions.folded ?? [],
    shown: captions.shown ?? [],
    tagThreshold: captions.tagThreshold ?? TAG_THRESHOLD,
    characterThreshold: captions.characterThreshold ?? CHARACTER_THRESHOLD,
  };
}

export function modeOf({ captions }: Project): MergeMode {
  return captions?.mode ?? 'only-empty';
}

/** Another model has other slots: what was said of the old one's is let go. */
export function withModel(settings: CaptionSettings | undefined, model: string): CaptionSettings {
  if (settings?.model === model) return settings;
  return { mode: settings?.mode, model };
}

/** What folds a phrase into the trigger word, as the captioner reads it. */
export function phraseKey({ slot, phrase }: { slot: string; phrase: string }): string {
  return `${slot}\n${phrase}`;
}

/** A list with one more or one less. */
export function toggled(list: readonly string[], entry: string, on: boolean): string[] {
  const rest = list.filter((each) => each !== entry);
  return on ? [...rest, entry] : rest;
}
