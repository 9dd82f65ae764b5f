/**
 * Captions that were proposed, and what a person decides on them: taken, dismissed, a phrase left out. A proposal that
 * was taken is offered again once that is undone. Where proposals come from is `captioning`, which extends this.
 */
import type { CaptionProposal } from '../../protocol/captioner';
import { tokenCount } from '../pictures/captions/token_count.svelte';
import { withTrigger } from '../../formats/dataset/trigger';
import type { Dataset } from '../pictures/dataset.svelte';
import type { Studio } from '../studio.svelte';
import { mapOf, setOf, withEntries } from '../collections';
import { offersOf, openOf } from './offers';
import { modeOf } from './project_options';
import type { Offer } from './states';

export class Proposals {
  /** Of every picture looked at. */
  proposals: ReadonlyMap<string, CaptionProposal> = $state.raw(mapOf());
  /** Phrases taken out of the proposal of one picture, as `phraseKey`. */
  leftOut: ReadonlyMap<string, readonly string[]> = $state.raw(mapOf());
  /** The pictures that are proposed for. */
  scope: ReadonlySet<string> = $state.raw(setOf());

  #dismissed: ReadonlySet<string> = $state.raw(setOf());
  /** Captions as they were before a proposal was taken. */
  #taken: ReadonlyMap<string, string> = $state.raw(mapOf());

  readonly offers: ReadonlyMap<string, Offer> = $derived.by(() => {
    const { byId } = this.dataset;
    const { project } = this.studio;
    const open = openOf(this.scope, this.#dismissed, this.#taken, byId);
    const count = (caption: string) => tokenCount.of(withTrigger(caption, project.trigger)) ?? 0;
    return offersOf(this.proposals, open, byId, modeOf(project), count);
  });
  /** Pictures without a caption in which the model is sure of nothing. */
  readonly unsure: readonly string[] = $derived.by(() =>
    [...this.scope].filter(
      (id) => this.proposals.get(id)?.caption === '' && this.dataset.byId.get(id)?.caption.trim() === '',
    ),
  );

  constructor(
    readonly dataset: Dataset,
    readonly studio: Pick<Studio, 'project'>,
  ) {}

  /** Forgets what was proposed; these pictures are proposed for. */
  begin(scope: Iterable<string>): void {
    this.scope = setOf(scope);
    this.proposals = mapOf();
    this.leftOut = mapOf();
    this.#dismissed = setOf();
    this.#taken = mapOf();
  }

  put(proposals: readonly CaptionProposal[]): void {
    this.proposals = withEntries(
      this.proposals,
      proposals.map((each) => [each.id, each] as const),
    );
  }

  /** Of the pictures that are proposed for, those without a proposal. */
  left(): string[] {
    return [...this.scope].filter((id) => !this.proposals.has(id));
  }

  /** Writes what is offered for these pictures, as one step; gives how many. */
  take(ids: Iterable<string>): number {
    const { offers } = this;
    const taken = [...ids].filter((id) => offers.has(id));
    const before = taken.map((id) => [id, this.dataset.byId.get(id)?.caption ?? ''] as const);
    this.dataset.settle();
    const count = this.dataset.change(taken, ({ id }) => ({ caption: offers.get(id)?.caption }));
    if (count > 0) this.#taken = withEntries(this.#taken, before);
    return count;
  }

  dismiss(ids: Iterable<string>): void {
    this.#dismissed = setOf([...this.#dismissed, ...ids]);
  }
}
