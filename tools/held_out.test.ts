/**
 * What the demo's CLIP proposes for 200 pictures that no training has seen (120 of the world, 40 woodcuts, 40 of Kiko), the
 * whole way from the file to the caption: reference/demo/make_held_out.py. The margins in src/captioning/vocabulary/demo.ts
 * were chosen on other pictures.
 */
import { openAsBlob, readFileSync } from 'node:fs';
import { unzipSync } from 'fflate';
import { beforeAll, expect, it } from 'vitest';
import { options } from '../src/captioning/models.testing';
import { sha256Hex } from '../src/formats/safetensors/sha256';
import type { CaptionProposal, Captioner } from '../src/protocol/captioner';
import { nodeCaptioner } from './captioner';

type Question = 'subject' | 'ground' | 'place';
/** Phrases that are true of a picture; none of a place where there are several things. */
type Facts = { name: string; caption: string } & Record<Question, string[]>;

const files = unzipSync(readFileSync(new URL('fixtures/held_out.zip', import.meta.url)));
const facts = JSON.parse(new TextDecoder().decode(files['facts.json'])) as Facts[];
let captioner: Captioner;
let proposals: Map<string, CaptionProposal>;

beforeAll(async () => {
  const demo = (name: string) => openAsBlob(new URL(`../public/demo/${name}`, import.meta.url));
  captioner = nodeCaptioner();
  await captioner.open(
    {
      kind: 'clip',
      key: 'demo',
      vision: await demo('clip_vision.onnx'),
      text: await demo('clip_text.onnx'),
      vocabulary: 'demo',
    },
    () => undefined,
  );
  const pictures = await Promise.all(
    facts.map(async ({ name }) => ({
      id: name,
      name,
      digest: await sha256Hex(files[name]),
      file: new Blob([files[name]]),
    })),
  );
  const made = await captioner.caption(pictures, options, () => undefined);
  proposals = new Map(made.proposals.map((proposal) => [proposal.id, proposal]));
}, 300_000);

function said(name: string, question: Question): string[] {
  const { said: phrases = [] } = proposals.get(name) ?? {};
  return phrases.filter(({ slot }) => slot === question).map(({ phrase }) => phrase);
}

/** Something is said, and nothing that is not so. */
function right(fact: Facts, question: Question): boolean {
  const found = said(fact.name, question);
  return found.length > 0 && found.every((phrase) => fact[question].includes(phrase));
}

it('names subject and colours of at least 90 % rightly', () => {
  expect(facts).toHaveLength(200);
  const share = (question: Question) => facts.filter((fact) => right(fact, question)).length / facts.length;
  console.log(`subject right: ${share('subject')}, background right: ${share('ground')}`);
  expect(share('subject')).toBeGreaterThanOrEqual(0.9);
  expect(share('ground')).toBeGreaterThanOrEqual(0.9);
});

it('stays silent where it is unsure: at least 95 % of what it says is so', () => {
  const all = (['subject', 'ground', 'place'] as const).flatMap((question) => {
    const these = facts.flatMap((fact) =>
      said(fact.name, question).map((phrase) => fact[question].includes(phrase)),
    );
    console.log(`${question}: ${these.length} said, ${these.filter(Boolean).length} of them so`);
    return these;
  });
  expect(all.length).toBeGreaterThan(400);
  expect(all.filter(Boolean).length / all.length).toBeGreaterThanOrEqual(0.95);
});

it('finds the true caption first among ten for at least 90 % of pictures', async () => {
  const cosines = new Map<string, number>();
  for (const [j, { caption }] of facts.entries()) {
    for (const { id, cosine } of await captioner.find(caption)) cosines.set(`${id} ${j}`, cosine);
  }
  expect(cosines.size).toBe(facts.length ** 2);
  const first = facts.filter(({ name }, i) => {
    // 17 has no divisor in common with 200: the others are nine pictures of all kinds.
    const others = Array.from({ length: 9 }, (_, k) => (i + 17 * (k + 1)) % facts.length);
    const own = cosines.get(`${name} ${i}`) ?? -1;
    return others.every((j) => own > (cosines.get(`${name} ${j}`) ?? 1));
  });
  console.log(`the true caption first among ten: ${first.length / facts.length}`);
  expect(first.length / facts.length).toBeGreaterThanOrEqual(0.9);
});
