/**
 * Captions proposed by a model: pictures are looked at one by one in the worker, what it finds is offered, and a person
 * takes it, changes it or leaves it (see `proposals`). A lost worker is replaced once, and goes on with the
 * pictures that are left. One for the page; the worker itself is `session`.
 */
import type {
  CaptionEvent,
  CaptionModelFacts,
  Composed,
  Constant,
  Similarity,
} from '../../protocol/captioner';
import { tokenCount } from '../pictures/captions/token_count.svelte';
import { dataset, type Dataset } from '../pictures/dataset.svelte';
import { studio, type Studio } from '../studio.svelte';
import { run } from '../runs/run.svelte';
import { CaptionerGone } from '../engine/captioner_worker';
import { mapOf, setOf, withEntries } from '../collections';
import { imagesOf } from './images';
import { grouped, wantedOf } from './offers';
import { captionerSentence, isProblem } from './problem_messages';
import { modeOf, optionsOf, phraseKey, toggled } from './project_options';
import { Proposals } from './proposals.svelte';
import { ModelUnusable, Session } from './session';
import { FILE_GONE, type Failure, type Now } from './states';

export class Captioning extends Proposals {
  now: Now = $state.raw({ state: 'idle' });
  /** Of the model last opened. */
  facts: CaptionModelFacts | undefined = $state.raw();
  constants: readonly Constant[] = $state.raw([]);
  similarity: Similarity | undefined = $state.raw();
  /** Why the template cannot be used, if it cannot. */
  templateTrouble: string | undefined = $state.raw();
  /** The worker was lost and replaced. */
  recovered = $state(false);
  /** All pictures that were named have captions, and those are to stay. */
  nothingWanted = $state(false);

  #failures: ReadonlyMap<string, string> = $state.raw(mapOf());
  readonly #session = new Session();
  #model = '';
  /** What was asked last: the answers of an earlier press come too late. */
  #press = 0;
  /** Options that the proposals were composed with. */
  #composed = '';

  readonly busy: boolean = $derived(['loading', 'phrases', 'looking'].includes(this.now.state));
  readonly failures: readonly Failure[] = $derived.by(() =>
    grouped([...this.#failures].filter(([id]) => this.dataset.byId.has(id))),
  );
  /** What the project's options are, as a text: another one is another composition. */
  readonly optionsKey: string = $derived.by(() => JSON.stringify(optionsOf(this.studio.project)));

  constructor(
    dataset: Dataset,
    studio: Pick<Studio, 'project'>,
    /** A run is under way: then there is no memory for another model. */
    readonly training: () => boolean,
  ) {
    super(dataset, studio);
  }

  /** Looks at pictures (all that are used, unless some are named) and proposes. `model` is its key. */
  async propose(model: string, among?: readonly string[]): Promise<void> {
    if (this.busy) return;
    const pictures = this.dataset.used.filter(({ id }) => !among || among.includes(id));
    const wanted = wantedOf(pictures, modeOf(this.studio.project));
    this.nothingWanted = wanted.length === 0;
    if (this.nothingWanted) return;
    this.begin(wanted);
    this.#failures = mapOf();
    void tokenCount.load();
    await this.#look(model);
  }

  /** After a loss or failure: the pictures that are left. Those that failed are tried again. */
  async carryOn(model: string): Promise<void> {
    if (this.busy) return;
    this.#failures = mapOf();
    await this.#look(model);
  }

  /** Ends looking after the picture under way; what was proposed stays. */
  stop(): void {
    this.#session.stop();
  }

  /** Another project: forgets everything. */
  forget(): void {
    this.#press++;
    this.#session.end();
    this.now = { state: 'idle' };
    this.facts = undefined;
    this.begin([]);
    this.constants = [];
    this.similarity = undefined;
    this.recovered = false;
    this.nothingWanted = false;
    this.templateTrouble = undefined;
    this.#failures = mapOf();
  }

  /** The screen is left: what is not at work is ended. */
  leave(): void {
    this.#session.leave();
  }

  dismissFailures(): void {
    this.#failures = mapOf();
  }

  /** Takes a phrase out of one picture's proposal, or back in. */
  async leaveOut(id: string, phrase: { slot: string; phrase: string }, out: boolean): Promise<void> {
    const list = toggled(this.leftOut.get(id) ?? [], phraseKey(phrase), out);
    this.leftOut = withEntries(this.leftOut, [[id, list]]);
    await this.#ready(() => this.#composeWithout(id, list));
  }

  /** What still waits for a decision follows the options. */
  async follow(): Promise<void> {
    const waits = this.offers.size > 0 || this.unsure.length > 0;
    if (!waits || this.training() || this.optionsKey === this.#composed) return;
    await this.#ready(async () => {
      this.#composed = this.optionsKey;
      this.#show(await this.#session.compose(optionsOf(this.studio.project)));
      this.templateTrouble = undefined;
    });
  }

  /** Ids of the pictures looked at, nearest to the words first. */
  async find(words: string): Promise<string[]> {
    const found: string[] = [];
    await this.#ready(async () => {
      for (const { id } of await this.#session.find(words)) found.push(id);
    });
    return found;
  }

  // ---- looking ----

  /** Once more with a fresh worker if this one is lost. */
  async #look(model: string): Promise<void> {
    const press = ++this.#press;
    if (this.training()) {
      this.now = { state: 'training' };
      return;
    }
    this.#model = model;
    this.recovered = false;
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#open(model, press);
        if (press === this.#press) await this.#lookAt(press);
        return;
      } catch (error) {
        if (press !== this.#press) return;
        const again = attempt === 0 && isLoss(error);
        this.#broke(error);
        if (!again) return;
        this.recovered = true;
      }
    }
  }

  async #open(model: string, press: number): Promise<void> {
    if (!this.#session.alive) this.now = { state: 'loading', done: 0, total: undefined };
    const say = (now: Now) => {
      if (press === this.#press) this.now = now;
    };
    const facts = await this.#session.open(
      model,
      (done, total) => say({ state: 'loading', done, total }),
      ({ done, total }) => say({ state: 'phrases', done, total }),
    );
    if (press === this.#press) this.facts = facts;
  }

  /** Those wanted first; then, with CLIP, the rest of the set, for what is usual in it and for searching. */
  async #lookAt(press: number): Promise<void> {
    const left = this.left().filter((id) => !this.#failures.has(id));
    const known = this.facts?.kind === 'clip' ? this.dataset.used.map(({ id }) => id) : [...this.scope];
    const first = setOf(left);
    const ids = [...left, ...known.filter((id) => !first.has(id))];
    const { images, missing } = await imagesOf(ids.flatMap((id) => this.dataset.byId.get(id) ?? []));
    if (press !== this.#press) return;
    for (const id of missing) this.#failed(id, FILE_GONE);
    const before = this.scope.size - left.length;
    let seen = 0;
    const say = () => {
      const proposing = seen < left.length;
      this.now = proposing
        ? { state: 'looking', done: before + seen, total: this.scope.size, proposing }
        : { state: 'looking', done: seen - left.length, total: images.length - left.length, proposing };
    };
    say();
    this.#composed = this.optionsKey;
    const options = optionsOf(this.studio.project);
    const composed = await this.#session.caption(images, options, (event) => {
      if (press !== this.#press) return;
      seen++;
      this.#heard(event);
      say();
    });
    if (press !== this.#press) return;
    this.#show(composed);
    this.templateTrouble = undefined;
    this.similarity = this.facts?.kind === 'clip' ? await this.#session.similarity() : undefined;
    if (press !== this.#press) return;
    this.now = { state: 'idle' };
    // They may have changed meanwhile.
    await this.follow();
  }

  #broke(error: unknown): void {
    if (error instanceof ModelUnusable) this.now = { state: 'failed', sentence: error.message };
    else if (isTemplate(error)) {
      this.templateTrouble = captionerSentence(error);
      this.now = { state: 'idle' };
    } else if (!isLoss(error)) this.now = { state: 'idle' };
    else {
      // What the worker had open cannot be mended there.
      this.#session.end();
      this.now = { state: 'lost', left: this.left().length, sentence: captionerSentence(error) };
    }
  }

  #heard(event: CaptionEvent): void {
    if (event.kind === 'proposal') this.put([event.proposal]);
    else this.#failed(event.id, isProblem(event.problem) ? event.problem : event.sentence);
  }

  #failed(id: string, why: string): void {
    if (this.scope.has(id)) this.#failures = withEntries(this.#failures, [[id, why]]);
  }

  // ---- composing ----

  /** With the worker that knows the pictures. Where it has ended, it looks at them again: their embeddings are kept. */
  async #ready(work: () => Promise<unknown>): Promise<void> {
    if (this.busy) return;
    try {
      if (!this.#session.alive) await this.#look(this.#model);
      if (this.#session.alive) await work();
    } catch (error) {
      if (isTemplate(error)) this.templateTrouble = captionerSentence(error);
      else this.#broke(error);
    }
  }

  #show({ proposals, constants }: Composed): void {
    this.constants = constants;
    this.put(proposals);
    for (const [id, list] of this.leftOut) {
      if (list.length > 0) void this.#composeWithout(id, list).catch(() => undefined);
    }
  }

  async #composeWithout(id: string, list: readonly string[]): Promise<void> {
    const options = optionsOf(this.studio.project);
    const { proposals } = await this.#session.compose({ ...options, folded: [...options.folded, ...list] });
    this.put(proposals.filter((each) => each.id === id));
  }
}

export const captioning = new Captioning(dataset, studio, () => run.active);

/** Neither the model's fault nor a wish of the page. */
function isLoss(error: unknown): boolean {
  if (error instanceof CaptionerGone) return error.lost;
  const aborted = error instanceof DOMException && error.name === 'AbortError';
  return !aborted && !isTemplate(error) && !(error instanceof ModelUnusable);
}

function isTemplate(error: unknown): boolean {
  return error instanceof Error && error.name === 'bad-template';
}
