/**
 * What else embeddings are good for: finding pictures by words, pictures that do not belong, and pictures that are
 * nearly the same. Indices are those of the array given.
 */
import { cosine, meanDirection, type Embedding } from './embedding';

export interface Match {
  readonly index: number;
  readonly cosine: number;
}

/** Cosine above which two pictures count as the same with small changes. */
const nearDuplicate = 0.97;
/** How far below the middle, in median deviations, a picture must be: 5 of them are 3.4 standard deviations. */
const strange = 5;
/** In a smaller set there is no telling who is the stranger. */
const minSet = 6;

/** All pictures, nearest to the query first; equal ones in their own order. A text query is the text's embedding. */
export function nearest(query: Embedding, pictures: readonly Embedding[]): Match[] {
  return pictures
    .map((picture, index) => ({ index, cosine: cosine(query, picture) }))
    .sort((a, b) => b.cosine - a.cosine);
}

/**
 * Pictures unlike the rest, strangest first: their cosine to the set's mean is far below the set's median of it.
 * Median rather than mean, because outliers move the mean and its deviation, and so hide one another.
 */
export function outliers(pictures: readonly Embedding[]): Match[] {
  if (pictures.length < minSet) return [];
  const matches = nearest(meanDirection(pictures), pictures);
  const middle = median(matches.map((match) => match.cosine));
  const spread = median(matches.map((match) => Math.abs(match.cosine - middle)));
  // A set of nearly equal pictures has hardly any spread; then a hair's breadth is no reason.
  const limit = middle - strange * Math.max(spread, 0.005);
  return matches.filter((match) => match.cosine < limit).reverse();
}

/**
 * Groups of near-duplicates, each led by its first picture, to which all others in it are near. Not chained: dropping
 * everything but the leaders leaves no near-duplicates and drops nothing else.
 */
export function nearDuplicates(pictures: readonly Embedding[]): number[][] {
  const groups: number[][] = [];
  pictures.forEach((picture, index) => {
    const home = groups.find(([leader]) => cosine(pictures[leader], picture) > nearDuplicate);
    if (home) home.push(index);
    else groups.push([index]);
  });
  return groups.filter((group) => group.length > 1);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[at] : (sorted[at - 1] + sorted[at]) / 2;
}
