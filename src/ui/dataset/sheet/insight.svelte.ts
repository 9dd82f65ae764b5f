/**
 * What follows from the pictures and their captions: placements, tag frequencies, warnings, and what is wrong with
 * each picture. While many files are being added it rests, so that it isn't worked out again for each of them.
 */
import { bucketConfig, type BucketConfig, type Placement } from '../../../formats/dataset/buckets';
import type { Picture } from '../../../storage/pictures';
import { settings } from '../../project/settings.svelte';
import { studio } from '../../studio.svelte';
import { tagFrequency, type TagCount } from '../../pictures/captions/frequency';
import { tokenCount } from '../../pictures/captions/token_count.svelte';
import { withTrigger } from '../../../formats/dataset/trigger';
import { warningsOf, type Warning } from '../../pictures/captions/warnings';
import { cropper } from '../../pictures/crop/crop';
import { dataset } from '../../pictures/dataset.svelte';
import { marksOf, type Mark, type Marks } from '../../pictures/marks';

/** Adding so many or more, the insight waits until they are all there. */
const MANY = 300;

export class Insight {
  readonly tokens = tokenCount;
  #rested: Picture[] = [];

  readonly pictures: Picture[] = $derived.by(() => {
    const busy = dataset.adding.state !== 'idle' && dataset.pictures.length >= MANY;
    if (!busy || this.#rested.length === 0) this.#rested = dataset.pictures;
    return this.#rested;
  });
  readonly used: Picture[] = $derived(this.pictures.filter(({ aside }) => aside === undefined));

  /** As a text, so that only another value is a change: the configuration is made anew with every caption. */
  readonly #buckets: string = $derived(JSON.stringify(bucketConfig(settings.config)));
  readonly #crop = $derived(cropper(JSON.parse(this.#buckets) as BucketConfig));

  readonly frequency: TagCount[] = $derived(
    tagFrequency(
      this.used.map(({ caption }) => caption),
      [studio.project.trigger],
    ),
  );

  readonly warnings: Warning[] = $derived(
    warningsOf({
      pictures: this.used,
      purpose: studio.project.purpose,
      trigger: studio.project.trigger,
      frequency: this.frequency,
      tokens: this.tokens.ready ? (caption) => this.tokensOf(caption) ?? 0 : undefined,
    }),
  );

  /** Of the pictures used: those with something to look at. */
  readonly marks: Marks = $derived(marksOf(this.used, this.#crop, this.warnings));

  /** Ids of those that lose more than a tenth in the crop. */
  readonly muchCut: string[] = $derived(this.#withMark('cut'));
  readonly small: string[] = $derived(this.#withMark('small'));

  /** Where a picture is cut; undefined if it cannot be used. */
  placement(picture: Picture): Placement | undefined {
    return this.#crop(picture);
  }

  /** Of a caption as it is trained on, with the trigger word. */
  tokensOf(caption: string): number | undefined {
    return this.tokens.of(withTrigger(caption, studio.project.trigger));
  }

  #withMark(kind: Mark['kind']): string[] {
    return this.used
      .filter(({ id }) => this.marks.get(id)?.some((mark) => mark.kind === kind))
      .map(({ id }) => id);
  }
}
