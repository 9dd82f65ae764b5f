/**
 * The demo world's own words, for its small CLIP knows no others: coloured shapes on coloured backgrounds, said as the
 * demo sets say it ("a red star at the top left, light blue background"). It was trained on these questions: reference/demo/train_clip.py.
 */
import type { ExclusiveSlot } from './slot';

const shapes = [
  'circle',
  'square',
  'triangle',
  'star',
  'heart',
  'moon',
  'cross',
  'ring',
  'arrow',
  'flower',
  'house',
  'fish',
];
const thingColours = [
  'red',
  'orange',
  'yellow',
  'green',
  'blue',
  'purple',
  'pink',
  'brown',
  'black',
  'white',
];
const plain = [...thingColours, 'grey'];
const light = ['blue', 'green', 'yellow', 'purple', 'pink', 'grey', 'orange'].map((name) => `light ${name}`);
const dark = ['blue', 'green', 'red', 'purple', 'grey', 'brown'].map((name) => `dark ${name}`);
const groundColours = [...plain, ...light, ...dark];

/** Colour and shape in one phrase: asked apart, CLIP would give the shape the background's colour. */
const subject: ExclusiveSlot = {
  name: 'subject',
  kind: 'exclusive',
  minMargin: 0.1,
  most: 2,
  templates: ['{}', '{a}', 'a picture of {a}', 'a drawing of {a}'],
  phrases: [...thingColours.flatMap((colour) => shapes.map((shape) => `${colour} ${shape}`)), 'figure'],
  absorbed: { character: 'constant' },
};

/** Gradients are asked for too, if only so that one is not taken for a plain background of its upper colour. */
const ground: ExclusiveSlot = {
  name: 'ground',
  kind: 'exclusive',
  minMargin: 0.1,
  templates: ['{}'],
  phrases: [
    ...groundColours.map((colour) => `${colour} background`),
    ...groundColours.map((colour) => `striped ${colour} background`),
    ...groundColours.map((colour) => `dotted ${colour} background`),
    ...groundColours.flatMap((top) =>
      groundColours.filter((bottom) => bottom !== top).map((bottom) => `${top} to ${bottom} gradient`),
    ),
  ],
};

const place: ExclusiveSlot = {
  name: 'place',
  kind: 'exclusive',
  minMargin: 0.2,
  templates: ['{}', 'a shape {}', 'a star {}', 'a circle {}'],
  phrases: [
    'in the middle',
    'on the left',
    'on the right',
    'at the top',
    'at the bottom',
    'at the top left',
    'at the top right',
    'at the bottom left',
    'at the bottom right',
  ],
};

export const demoSlots: readonly ExclusiveSlot[] = [subject, ground, place];
