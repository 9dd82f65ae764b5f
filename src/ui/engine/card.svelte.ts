/**
 * How much memory the graphics card has, which no browser says: named by the person with one press, remembered for all
 * projects of this browser. Undefined, the trainer stays under what a card of 4 GB has to spare.
 */
import { recall, remember } from '../remembered';

/** As cards are sold, in GB. */
export const cardSizes = [4, 6, 8, 12, 16, 24] as const;

class Card {
  #gb: number | undefined = $state(remembered());

  get gb(): number | undefined {
    return this.#gb;
  }

  name(gb: number | undefined): void {
    this.#gb = gb;
    remember('card', gb === undefined ? undefined : String(gb));
  }
}

export const card = new Card();

function remembered(): number | undefined {
  const gb = Number(recall('card'));
  return Number.isFinite(gb) && gb > 0 ? gb : undefined;
}
