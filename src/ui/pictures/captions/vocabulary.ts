/**
 * The words by which captions are judged: which contradict each other, and which name a style. English, because the
 * text encoder reads nothing else.
 */

/** Two or more sides of one question; a caption that takes two of them contradicts itself. */
export interface Conflict {
  readonly sides: readonly (readonly string[])[];
  /** A whole set should take one side too: mixed, one LoRA would learn two looks. */
  readonly acrossSet: boolean;
}

export const CONFLICTS: readonly Conflict[] = [
  {
    acrossSet: true,
    sides: [
      [
        'cartoon',
        'anime',
        'manga',
        'comic',
        'cel shading',
        'cel shaded',
        'chibi',
        'flat color',
        'flat colour',
      ],
      ['photorealistic', 'photo realistic', 'photograph', 'photo', 'photography', 'realistic', 'raw photo'],
      [
        'oil painting',
        'watercolor',
        'watercolour',
        'ink painting',
        'gouache',
        'woodcut',
        'engraving',
        'etching',
      ],
    ],
  },
  {
    acrossSet: true,
    sides: [
      ['monochrome', 'black and white', 'greyscale', 'grayscale', 'sepia'],
      [
        'colorful',
        'colourful',
        'vivid colors',
        'vivid colours',
        'vibrant colors',
        'vibrant colours',
        'multicolored',
      ],
    ],
  },
  {
    acrossSet: false,
    sides: [
      ['day', 'daytime', 'daylight', 'noon', 'midday', 'sunny'],
      ['night', 'nighttime', 'midnight', 'starry sky', 'moonlight'],
    ],
  },
  {
    acrossSet: false,
    sides: [
      ['indoors', 'indoor', 'interior'],
      ['outdoors', 'outdoor', 'exterior'],
    ],
  },
  {
    acrossSet: false,
    sides: [
      ['close up', 'closeup', 'macro'],
      ['full body', 'wide shot', 'panorama', 'aerial view'],
    ],
  },
  {
    acrossSet: false,
    sides: [
      ['from behind', 'back view'],
      ['front view', 'facing viewer', 'looking at viewer'],
    ],
  },
  { acrossSet: false, sides: [['solo'], ['crowd', 'group of people', 'two people', '2girls', '2boys']] },
  {
    acrossSet: false,
    sides: [
      ['smiling', 'smile', 'laughing'],
      ['crying', 'angry', 'frowning', 'sad'],
    ],
  },
  {
    acrossSet: false,
    sides: [
      ['eyes closed', 'closed eyes'],
      ['looking at viewer', 'open eyes', 'wide eyes'],
    ],
  },
  { acrossSet: false, sides: [['short hair'], ['long hair', 'very long hair']] },
  { acrossSet: false, sides: [['summer'], ['winter', 'snow', 'snowing']] },
  {
    acrossSet: false,
    sides: [['simple background', 'white background', 'plain background'], ['detailed background']],
  },
];

/** Media, movements and manners: what a style's trigger word is to stand for. */
export const STYLE_WORDS: readonly string[] = [
  'ink painting',
  'ink wash',
  'sumi e',
  'watercolor',
  'watercolour',
  'oil painting',
  'gouache',
  'acrylic painting',
  'woodcut',
  'woodblock',
  'linocut',
  'engraving',
  'etching',
  'lithograph',
  'screen print',
  'pencil drawing',
  'charcoal drawing',
  'pen and ink',
  'line art',
  'lineart',
  'sketch',
  'pastel drawing',
  'digital art',
  'digital painting',
  'concept art',
  'illustration',
  'vector art',
  'pixel art',
  'low poly',
  '3d render',
  'cartoon',
  'anime',
  'manga',
  'comic',
  'cel shading',
  'cel shaded',
  'art style',
  'painting style',
  'ukiyo e',
  'impressionism',
  'impressionist',
  'expressionist',
  'cubist',
  'surrealist',
  'art nouveau',
  'art deco',
  'pop art',
  'baroque',
  'renaissance painting',
  'fresco',
  'mosaic',
  'stained glass',
  'film grain',
  'analog film',
  'photorealistic',
];
