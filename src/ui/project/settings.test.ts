import '../../storage/fake_indexeddb.testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { ConfigError, defaultConfig, parseConfig } from '../../formats/config/config';
import { fieldList } from '../../formats/config/config_fields';
import { importSettings } from '../../formats/kohya/import_settings';
import { isShared, meantByLink, readShareLink, writeShareLink } from '../../formats/config/share_link';
import type { Picture } from '../../storage/pictures';
import { dataset } from '../pictures/dataset.svelte';
import { studio } from '../studio.svelte';
import { differences } from './differences';
import { Settings } from './settings.svelte';

const picture = (order: number): Picture => ({
  id: String(order),
  project: 'p',
  order,
  name: `${order}.png`,
  width: 600,
  height: 600,
  byteLength: 1,
  type: 'image/png',
  digest: '',
  look: '',
  caption: 'a hill',
  repeats: 1,
  focus: [0.5, 0.5],
});

let settings: Settings;

beforeEach(() => {
  settings = new Settings();
  studio.project = {
    id: 'p',
    name: 'Ink wash',
    createdAt: 0,
    changedAt: 0,
    purpose: 'style',
    trigger: 'inkwash',
    settings: {},
  };
  dataset.pictures = Array.from({ length: 40 }, (_, order) => picture(order));
});

describe('typing into a field', () => {
  it('sets what it accepts, also from an input method with wide digits or a decimal comma', () => {
    settings.type('lora_rank', ' 32 ');
    expect(settings.config.lora_rank).toBe(32);
    settings.type('lora_rank', '１６');
    expect(settings.config.lora_rank).toBe(16);
    settings.type('learning_rate', '2e-4');
    expect(settings.config.learning_rate).toBe(2e-4);
    settings.type('learning_rate', '0,0003');
    expect(settings.config.learning_rate).toBe(3e-4);
    settings.type('lora_alpha', '');
    expect(settings.config.lora_alpha).toBeNull();
    settings.type('sample_prompts', ' a cat \n\n a dog ');
    expect(settings.config.sample_prompts).toEqual(['a cat', 'a dog']);
    expect(settings.problems).toEqual([]);
  });

  it.each([
    ['epochs', '1,600', 1600],
    ['max_train_steps', '1,234,567', 1234567],
    ['max_train_steps', '10 000', 10000],
    ['max_train_steps', '12\u202f000', 12000],
    ['epochs', '１，６００', 1600],
    ['learning_rate', '0,0001', 0.0001],
    ['learning_rate', '1,5e-4', 0.00015],
    ['min_snr_gamma', '1,5', 1.5],
    // A German thousand would be this; in both languages of the page it is a decimal point.
    ['min_snr_gamma', '1.600', 1.6],
  ] as const)('%s takes %s', (name, text, value) => {
    settings.type(name, text);
    expect(settings.config[name]).toBe(value);
    expect(settings.problems.filter(({ field }) => field === name)).toEqual([]);
  });

  it.each(['1,60', '16,00,0', '1.600,5', '1,600 000', '1 60'])('epochs takes no %s', (text) => {
    settings.type('epochs', text);
    expect(settings.problems).toMatchObject([{ field: 'epochs', code: 'wrong-type' }]);
  });

  it.each([
    ['lora_rank', '500', 'out-of-range'],
    ['lora_rank', '1.5', 'wrong-type'],
    ['lora_rank', '', 'wrong-type'],
    ['learning_rate', 'fast', 'wrong-type'],
    ['learning_rate', '1e309', 'out-of-range'],
    ['resolution', '500', 'out-of-range'],
  ] as const)(
    '%s: %s stays as typed, with its problem, and the project keeps its valid value',
    (name, text, code) => {
      const before = settings.config[name];
      settings.type(name, text);
      expect(settings.drafts[name]).toBe(text);
      expect(settings.config[name]).toBe(before);
      expect(settings.problems).toMatchObject([{ field: name, code }]);
      settings.back(name);
      expect(settings.problems).toEqual([]);
      expect(settings.drafts).toEqual({});
    },
  );

  it('leaves drafts with their project', () => {
    settings.type('lora_rank', '500');
    studio.project = { ...studio.project, id: 'q' };
    expect(settings.problems).toEqual([]);
  });

  it('lets fields contradict each other in between, and says so', () => {
    settings.set('train_unet', false);
    expect(settings.problems).toMatchObject([{ field: 'train_unet', code: 'conflict' }]);
    settings.set('train_text_encoder', true);
    expect(settings.problems).toEqual([]);
  });
});

describe('taking settings', () => {
  it('takes all or none', () => {
    expect(() => settings.take({ lora_rank: 8, epochs: -1 })).toThrow(ConfigError);
    expect(studio.project.settings).toEqual({});
    settings.take({ lora_rank: 8, epochs: 3 });
    expect(studio.project.settings).toEqual({ lora_rank: 8, epochs: 3 });
    expect(settings.changed).toEqual(['lora_rank', 'epochs']);
  });

  it('is one step back; typing on in a field is one, too', () => {
    settings.take({ lora_rank: 8, epochs: 3 });
    settings.type('seed', '1');
    settings.type('seed', '12');
    settings.undo();
    expect(studio.project.settings).toEqual({ lora_rank: 8, epochs: 3 });
    settings.undo();
    expect(studio.project.settings).toEqual({});
    expect(settings.canUndo).toBe(false);
  });

  it('of another preset takes its values, keeps the rest, and can be taken back', () => {
    settings.take({ lora_rank: 64, seed: 7 });
    settings.choosePreset('object');
    expect(settings.config).toMatchObject({ lora_rank: 8, seed: 7, train_text_encoder: true });
    settings.undo();
    expect(studio.project.purpose).toBe('style');
    expect(settings.config).toMatchObject({ lora_rank: 64, seed: 7 });
  });

  it('by the slider sets the epochs, and only where they are not the default', () => {
    expect(settings.length.steps).toBe(1600);
    settings.chooseStop(4);
    expect(settings.length.steps).toBe(3200);
    expect(studio.project.settings).toEqual({ epochs: 160 });
    settings.chooseStop(2);
    expect(studio.project.settings).toEqual({});
  });
});

describe('the settings as a file and as a link', () => {
  it('come back the same from YAML', () => {
    settings.take({ lora_rank: 24, lr_scheduler: 'linear', unet_lr: 5e-5, shuffle_caption: false });
    expect(parseConfig(settings.yaml())).toEqual(settings.config);
    const { config } = settings;
    const { settings: imported } = importSettings(settings.yaml());
    expect(differences(config, imported)).toEqual([]);
  });

  it('come back the same from a link in another project, its name and prompts untouched', async () => {
    settings.take({ lora_rank: 24, lr_scheduler: 'linear', resolution: 640 });
    const theirs = settings.config;
    const link = await writeShareLink(theirs, 'https://studio.example/');
    studio.project = {
      ...studio.project,
      id: 'q',
      name: 'Kiko',
      purpose: 'character',
      trigger: 'kiko',
      settings: {},
    };
    const meant = meantByLink(await readShareLink(new URL(link).hash));
    expect(settings.config.train_text_encoder).toBe(true);
    settings.take(
      Object.fromEntries(differences(settings.config, meant).map((row) => [row.name, row.theirs])),
    );
    const { config } = settings;
    for (const { name, field } of fieldList) {
      const key = name as keyof typeof config;
      if (isShared(field)) expect(config[key], name).toBe(theirs[key]);
    }
    expect(config.output_name).toBe('Kiko');
    expect(config.sample_prompts[0]).toContain('kiko');
  });

  it('never hold a path of this computer in a link, and keep the defaults in the file', () => {
    expect(parseConfig(settings.yaml()).train_data_dir).toBe(defaultConfig().train_data_dir);
  });
});
