/**
 * "a" or "an" or neither, as far as the vocabulary and people's own terms need it. Not English: a spelling rule for
 * noun phrases, with the few exceptions that occur.
 */

const determiners = /^(an?|the|one|two|three|several|many|some|no|his|her|its|their) /i;
const joints = / (?:of|with|in|on|at|by|from|against|among|playing|reading|walking) /;
const pluralWithoutS = new Set(['people', 'men', 'women', 'children', 'sheep']);
/** "hour" begins with a vowel to the ear, "unicorn" does not. */
const vowelToTheEar = /^(?:hour|honest|honou?r|heir|x-ray|[aio]|e(?!u)|u(?!ni(?!n|m)|se|k))/i;

/** `cat` -> `a cat`, `orange star` -> `an orange star`; plurals and what has an article already stay. */
export function withArticle(phrase: string): string {
  if (phrase === '' || determiners.test(phrase) || isPlural(phrase)) return phrase;
  return `${vowelToTheEar.test(phrase) && !/^(?:one|once)\b/i.test(phrase) ? 'an' : 'a'} ${phrase}`;
}

/** Whether the noun that the phrase is about, the last before "of", "with" and the like, is more than one. */
function isPlural(phrase: string): boolean {
  const noun = phrase.split(joints, 1)[0].split(' ').at(-1) ?? '';
  return (
    (/[^suio]s$/i.test(noun) && noun.toLowerCase() !== 'canvas') || pluralWithoutS.has(noun.toLowerCase())
  );
}
