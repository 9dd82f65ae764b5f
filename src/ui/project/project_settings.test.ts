import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkConfig, defaultConfig } from '../../formats/config/config';
import { configFields } from '../../formats/config/config_fields';
import { readValue } from '../../formats/config/config_values';
import { defaultPrompts } from './default_prompts';
import { demoValues, presets } from './presets';
import { fileNameOf, presetReason, projectSettings, type ProjectFacts } from './project_settings';
import { epochOf, intervals, runLength, stopsOf } from './run_length';

const purposes = ['character', 'style', 'object'] as const;
const demoBase = {
  name: 'demo',
  byteLength: 1,
  kind: 'Stable Diffusion 1.x',
  where: { in: 'demo' as const },
};

const project = (facts: Partial<ProjectFacts> = {}): ProjectFacts => ({
  name: 'Ink wash',
  purpose: 'style',
  trigger: 'inkwash',
  settings: {},
  ...facts,
});

const squares = (count: number, repeats = 1) =>
  Array.from({ length: count }, () => ({ width: 600, height: 600, repeats }));

describe('the presets', () => {
  it.each(purposes)(
    '%s: every value is one its field accepts, with a reason in both languages',
    (purpose) => {
      for (const [name, chosen] of [
        ...Object.entries(presets[purpose].values),
        ...Object.entries(demoValues),
      ]) {
        const field = configFields[name as keyof typeof configFields];
        expect(readValue(field, chosen.value, undefined), name).toEqual({ value: chosen.value });
        expect(chosen.because.en).toMatch(/\.$/);
        expect(chosen.because.zh).toMatch(/[\u4e00-\u9fff].*。$/);
      }
      for (const base of [undefined, demoBase]) {
        const { config, changed } = projectSettings(
          project({ purpose, ...(base ? { base } : {}) }),
          squares(20),
          '',
        );
        expect(checkConfig(config)).toEqual(config);
        expect(changed).toEqual([]);
      }
    },
  );

  it('lengthen from stop to stop', () => {
    for (const { pictures } of Object.values(presets)) {
      expect([...pictures].sort((a, b) => a - b)).toEqual(pictures);
      expect(new Set(pictures).size).toBe(5);
    }
  });

  it("give the demo model's reasons where it overrides them", () => {
    expect(presetReason(project({ base: demoBase }), 'resolution')?.value).toBe(128);
    expect(presetReason(project(), 'resolution')).toBeUndefined();
    expect(presetReason(project({ purpose: 'style', base: demoBase }), 'text_encoder_lr')).toBeUndefined();
    expect(presetReason(project({ purpose: 'character', base: demoBase }), 'text_encoder_lr')?.value).toBe(
      3e-4,
    );
  });
});

describe('the length of a run', () => {
  it('is pictures x repeats x epochs / batch', () => {
    const config = { ...defaultConfig(), num_repeats: 2, batch_size: 2, epochs: 10 };
    const length = runLength(epochOf(squares(40, 4), config), config);
    expect(length).toEqual({
      pictures: 40,
      unusable: 0,
      shown: 320,
      stepsPerEpoch: 160,
      plainStepsPerEpoch: 160,
      epochs: 10,
      steps: 1600,
    });
  });

  it('counts the short batch at the end of each bucket, and groups of accumulated batches', () => {
    // 5 squares and 3 wide ones in batches of 4: 2 + 1, where one size would have made 2.
    const pictures = [
      ...squares(5),
      ...Array.from({ length: 3 }, () => ({ width: 1200, height: 600, repeats: 1 })),
    ];
    const config = { ...defaultConfig(), batch_size: 4 };
    expect(epochOf(pictures, config)).toMatchObject({ stepsPerEpoch: 3, plainStepsPerEpoch: 2 });
    const accumulated = { ...config, gradient_accumulation_steps: 2 };
    expect(epochOf(pictures, accumulated)).toMatchObject({ stepsPerEpoch: 2, plainStepsPerEpoch: 1 });
  });

  it('ends where a limit on the steps says, in parts of an epoch', () => {
    const config = { ...defaultConfig(), batch_size: 1, epochs: 50, max_train_steps: 25 };
    expect(runLength(epochOf(squares(10), config), config)).toMatchObject({ steps: 25, epochs: 2.5 });
  });

  it('leaves out pictures that no bucket takes, and says how many', () => {
    const config = { ...defaultConfig(), bucket_no_upscale: true };
    const length = epochOf([...squares(3), { width: 20, height: 600, repeats: 1 }], config);
    expect(length).toMatchObject({ pictures: 4, unusable: 1, shown: 3 });
    expect(epochOf([], config)).toMatchObject({ stepsPerEpoch: 0 });
  });

  it('at the five stops grows from one to the next, whatever the set', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000 }), fc.constantFrom(...purposes), (shown, purpose) => {
        const stops = stopsOf(presets[purpose].pictures, shown);
        expect(stops).toHaveLength(5);
        for (let i = 0; i < 5; i++) {
          expect(stops[i]).toBeGreaterThan(i === 0 ? 0 : stops[i - 1]);
          expect(stops[i]).toBeLessThanOrEqual(configFields.epochs.max);
        }
      }),
    );
    expect(stopsOf([1600, 2400, 3200, 4800, 6400], 40)).toEqual([40, 60, 80, 120, 160]);
    expect(stopsOf([1600, 2400, 3200, 4800, 6400], 5000)).toEqual([1, 2, 3, 4, 5]);
  });

  it('is cut into about eight samples and four checkpoints at round steps', () => {
    expect(intervals(1600)).toEqual({ sample: 200, save: 400 });
    expect(intervals(795)).toEqual({ sample: 50, save: 100 });
    expect(intervals(3)).toEqual({ sample: 1, save: 2 });
    expect(intervals(200)).toEqual({ sample: 25, save: 50 });
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 1_000_000 }), (steps) => {
        const { sample } = intervals(steps);
        expect(steps / sample).toBeGreaterThanOrEqual(8);
        expect(steps / sample).toBeLessThan(24);
        expect(Number.isInteger(sample)).toBe(true);
      }),
    );
  });
});

describe("a project's settings", () => {
  it('follow its name, trigger word and set, until a person sets them', () => {
    const { config, defaults, changed } = projectSettings(
      project({ settings: { lora_rank: 32, epochs: 7 } }),
      squares(40),
      'a hill',
    );
    expect(config).toMatchObject({
      output_name: 'Ink_wash',
      training_comment: 'trigger: inkwash',
      lora_rank: 32,
      epochs: 7,
    });
    expect(defaults).toMatchObject({ lora_rank: 16, epochs: 80 });
    expect(changed).toEqual(['lora_rank', 'epochs']);
    expect(config.sample_prompts.at(-1)).toBe('inkwash, a hill');
  });

  it('of an older version that no field accepts are as if never set', () => {
    const { config, changed } = projectSettings(
      project({ settings: { lora_rank: 9999, gone: 1, __proto__: { x: 1 }, epochs: '3' } }),
      [],
      '',
    );
    expect(config.lora_rank).toBe(16);
    expect(config.epochs).toBe(defaultConfig().epochs);
    expect(changed).toEqual([]);
  });

  it('set to what they were anyway are not changed', () => {
    expect(projectSettings(project({ settings: { lora_rank: 16 } }), [], '').changed).toEqual([]);
  });

  it('stay valid for any name, trigger word and caption', () => {
    const anyText = fc
      .array(fc.nat(0x10ffff), { maxLength: 30 })
      .map((codes) => String.fromCodePoint(...codes));
    fc.assert(
      fc.property(
        anyText,
        anyText,
        anyText,
        fc.constantFrom(...purposes),
        (name, trigger, caption, purpose) => {
          const { config } = projectSettings(project({ name, trigger, purpose }), squares(3), caption);
          expect(() => checkConfig(config)).not.toThrow();
          expect(fileNameOf(name)).toMatch(/^[^\s/\\:*?"<>|]+$/);
          expect(config.sample_prompts.length).toBeGreaterThanOrEqual(2);
        },
      ),
    );
  });

  it('draw samples of things outside the set, by the trigger word', () => {
    const facts = { purpose: 'character', trigger: 'kiko', demo: false, caption: 'kiko waving' } as const;
    const prompts = defaultPrompts(facts);
    expect(prompts).toHaveLength(3);
    for (const prompt of prompts) expect(prompt).toContain('kiko');
    expect(prompts[2]).toBe('kiko waving');
    expect(defaultPrompts({ ...facts, trigger: '', caption: '' })).toHaveLength(2);
  });
});

it('a long name of a project, a device of Windows and a sign that WebUI reads become names of files', () => {
  expect(fileNameOf('画'.repeat(60))).toBe('画'.repeat(36));
  expect(fileNameOf('a = b')).toBe('a_b');
  expect(fileNameOf('con')).toBe(configFields.output_name.default);
});
