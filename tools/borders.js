/**
 * What may pass between the rooms (ARCHITECTURE.md's table as data), and the ESLint rule that enforces it.
 * Plain JavaScript because ESLint's configuration loads it.
 *
 * @typedef {object} Room
 * @property {readonly string[]} rooms     rooms it may import
 * @property {readonly string[]} [types]   rooms of which it may import types only
 * @property {readonly string[]} packages  packages it may import; 'x/*' means the package x and all below the scope
 */

const TFJS = ['@tensorflow/*'];
const PAGE = ['svelte', 'comlink'];
const ANY = ['*'];

/** @type {Readonly<Record<string, Room>>} */
export const ROOMS = {
  // main.ts and App.svelte, which put the page together
  page: { rooms: ['ui', 'protocol', 'formats', 'storage'], packages: PAGE },
  ui: { rooms: ['protocol', 'formats', 'storage'], packages: [...PAGE, 'uplot'] },
  workers: { rooms: ['protocol', 'training', 'captioning', 'formats', 'storage'], packages: ['comlink'] },
  training: { rooms: ['models', 'kernels', 'formats'], types: ['protocol'], packages: TFJS },
  models: { rooms: ['kernels', 'formats'], packages: TFJS },
  kernels: { rooms: [], packages: TFJS },
  captioning: { rooms: ['formats'], types: ['protocol'], packages: ['onnxruntime-web'] },
  formats: { rooms: [], types: ['protocol'], packages: ['yaml', 'smol-toml', 'fflate'] },
  protocol: { rooms: [], packages: [] },
  storage: { rooms: [], types: ['protocol'], packages: ['idb-keyval', '@noble/hashes'] },
  tools: {
    rooms: ['workers', 'training', 'models', 'kernels', 'captioning', 'formats', 'protocol', 'storage'],
    packages: ANY,
  },
  e2e: {
    rooms: [
      'tools',
      'workers',
      'training',
      'models',
      'kernels',
      'captioning',
      'formats',
      'protocol',
      'storage',
    ],
    packages: ANY,
  },
};

/**
 * Inside a room: what each folder may import of its neighbours, '' being the files that lie in the room itself. No
 * folder is both above and below another, so none of these can be left out or taken apart alone only by the one above
 * it. Tests and the files that put the page together may import all.
 * @type {Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>}
 */
export const FOLDERS = {
  formats: {
    text: [],
    safetensors: ['text'],
    config: ['text', 'safetensors'],
    dataset: ['text', 'config'],
    captions: ['text', 'config', 'dataset'],
    families: ['config'],
    checkpoint: ['text', 'safetensors', 'families'],
    protobuf: [],
    onnx: ['safetensors', 'protobuf'],
    tensorboard: ['safetensors', 'protobuf'],
    lora: ['text', 'safetensors', 'config', 'families', 'checkpoint'],
    merging: ['text', 'safetensors', 'config', 'families', 'checkpoint', 'lora'],
    kohya: ['text', 'safetensors', 'config', 'lora'],
    // What a worker reads for a page.
    reading: [
      'captions',
      'checkpoint',
      'config',
      'dataset',
      'families',
      'kohya',
      'lora',
      'safetensors',
      'zip',
    ],
    zip: ['text', 'config', 'captions', 'dataset'],
    handover: [
      'text',
      'safetensors',
      'config',
      'dataset',
      'captions',
      'lora',
      'tensorboard',
      'kohya',
      'zip',
      'families',
    ],
  },
  training: {
    step: [],
    data: ['step'],
    sampling: ['step', 'data'],
    plan: ['step', 'data', 'sampling'],
    loop: ['step', 'data', 'sampling', 'plan'],
  },
  ui: {
    '': [],
    controls: [''],
    charts: ['', 'controls'],
    help: [''],
    engine: [''],
    downloading: ['', 'controls', 'engine'],
    pictures: ['', 'engine'],
    runs: ['', 'engine'],
    gpu: ['', 'controls', 'engine'],
    project: ['', 'controls', 'engine', 'downloading', 'pictures', 'runs', 'gpu'],
    elsewhere: ['', 'controls', 'engine', 'pictures', 'runs', 'project'],
    captioning: ['', 'controls', 'engine', 'downloading', 'pictures', 'runs', 'project'],
    // The screens know none of each other.
    start: ['', 'controls', 'engine', 'downloading', 'pictures', 'runs', 'gpu', 'project'],
    dataset: ['', 'controls', 'pictures', 'project', 'captioning'],
    settings: ['', 'controls', 'engine', 'pictures', 'runs', 'gpu', 'project', 'elsewhere'],
    training: ['', 'controls', 'charts', 'pictures', 'runs', 'project', 'elsewhere'],
    results: ['', 'controls', 'engine', 'runs', 'project', 'elsewhere'],
    loras: ['', 'controls', 'engine', 'project'],
    shell: [
      '',
      'controls',
      'engine',
      'pictures',
      'runs',
      'gpu',
      'project',
      'start',
      'dataset',
      'settings',
      'training',
      'results',
      'loras',
      'help',
    ],
  },
};

/** What tests are made of. These files count as tests themselves, and tests in every room may import them. */
const TEST_KIT = ['src/kernels/testing', 'src/kernels/on_every_tier', 'src/cpu_time.testing'];
/** Tests also reach for their runner and for files on disk; what they test stays in their room. */
const TEST_PACKAGES = ['vitest', 'fast-check', 'fake-indexeddb', 'fake-indexeddb/*', 'node:*'];

/**
 * The room a file belongs to, or undefined for files outside (configuration).
 * @param {string} path from the repository root, with '/'
 */
export function roomOf(path) {
  const [first = '', second = '', third] = path.split('/');
  if (first !== 'src') return first in ROOMS && second ? first : undefined;
  return third === undefined ? 'page' : second;
}

/**
 * Why `from` may not import `specifier`, or undefined if it may.
 * @param {string} from importing file, from the repository root, with '/'
 * @param {string} specifier as written
 * @param {boolean} typeOnly `import type`
 * @returns {string | undefined}
 */
export function objection(from, specifier, typeOnly) {
  const name = roomOf(from);
  if (name === undefined) return undefined;
  const room = ROOMS[name];
  if (!room)
    return `'${name}' is not a room of ARCHITECTURE.md: add it there and in tools/borders.js, or move the file.`;
  const test = /\.(test|testing|cases)\.ts$/.test(from) || TEST_KIT.includes(from.replace(/\.ts$/, ''));

  if (!specifier.startsWith('.')) {
    const allowed = [...room.packages, ...(test ? TEST_PACKAGES : [])];
    if (allowed.some((pattern) => matches(pattern, specifier))) return undefined;
    return `'${name}' may not import the package '${specifier}' (allowed: ${allowed.join(', ') || 'none'}).`;
  }

  const target = resolve(from, specifier);
  const to = roomOf(target);
  if (to === name) return test ? undefined : folderObjection(name, folderOf(from), folderOf(target));
  if (room.rooms.includes(to ?? '')) return undefined;
  if (room.types?.includes(to ?? '')) {
    return typeOnly ? undefined : `'${name}' may import only types from '${to}': write 'import type'.`;
  }
  if (test && TEST_KIT.includes(target.replace(/\.ts$/, ''))) return undefined;
  const allowed = [...room.rooms, ...(room.types ?? []).map((r) => `${r} (types)`)];
  return `'${name}' may not import '${to ?? target}' (allowed: ${allowed.join(', ') || 'no other room'}).`;
}

/**
 * The folder of its room that a file or an import's target lies in; '' for the room itself.
 * @param {string} path from the repository root, with '/'
 */
function folderOf(path) {
  const parts = path.split('/');
  return parts.length > 3 ? (parts[2] ?? '') : '';
}

/**
 * @param {string} name room @param {string} from folder @param {string} to folder
 * @returns {string | undefined}
 */
function folderObjection(name, from, to) {
  const folders = FOLDERS[name];
  if (!folders || from === to) return undefined;
  const allowed = folders[from];
  if (!allowed)
    return `'${name}/${from}' is not in the table of folders: add it in tools/borders.js, or move the file.`;
  if (allowed.includes(to)) return undefined;
  return `'${name}/${from}' may not import '${name}/${to}' (allowed: ${allowed.join(', ') || 'none'}).`;
}

/** @param {string} pattern @param {string} specifier */
function matches(pattern, specifier) {
  if (pattern === '*') return true;
  if (pattern.endsWith('*')) return specifier.startsWith(pattern.slice(0, -1));
  return specifier === pattern || specifier.startsWith(`${pattern}/`);
}

/** @param {string} from @param {string} specifier */
function resolve(from, specifier) {
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.replace(/\?[^]*$/, '').split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/**
 * @param {string} root absolute path of the repository
 * @returns {import('eslint').Rule.RuleModule}
 */
export function bordersRule(root) {
  return {
    meta: { type: 'problem', docs: { description: 'the borders between rooms' }, schema: [] },
    create(context) {
      const from = context.filename.slice(root.length).replaceAll('\\', '/').replace(/^\//, '');
      /** @param {any} node @param {any} source @param {boolean} typeOnly */
      const check = (node, source, typeOnly) => {
        if (typeof source?.value !== 'string') return;
        const message = objection(from, source.value, typeOnly);
        if (message) context.report({ node, message });
      };
      return {
        /** @param {any} node */
        ImportDeclaration: (node) => check(node, node.source, node.importKind === 'type'),
        /** @param {any} node */
        ExportNamedDeclaration: (node) => check(node, node.source, node.exportKind === 'type'),
        /** @param {any} node */
        ExportAllDeclaration: (node) => check(node, node.source, node.exportKind === 'type'),
        /** @param {any} node */
        ImportExpression: (node) => check(node, node.source, false),
        /** @param {any} node */
        TSImportType: (node) => check(node, node.source ?? node.argument?.literal, true),
      };
    },
  };
}
