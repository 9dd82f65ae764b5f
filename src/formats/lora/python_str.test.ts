import { describe, expect, it } from 'vitest';
import reference from '../fixtures/python_reference.json';
import { float, floatRepr, pythonJson, pythonStr } from './python_str';

describe('pythonStr', () => {
  it('prints floats as Python does', () => {
    for (const [bytes, text] of reference.floats) {
      expect(floatRepr(Buffer.from(bytes, 'hex').readDoubleLE(0))).toBe(text);
    }
    expect(reference.floats.length).toBeGreaterThan(80);
  });

  it('prints the other values as Python does', () => {
    const values = [
      null,
      true,
      false,
      3,
      float(3),
      1e-5,
      'as it is',
      [1, "it's", null, [true]],
      -0.5,
      2 ** 60,
    ];
    expect(values.map(pythonStr)).toEqual([
      'None',
      'True',
      'False',
      '3',
      '3.0',
      '1e-05',
      'as it is',
      '[1, "it\'s", None, [True]]',
      '-0.5',
      '1152921504606846976',
    ]);
  });

  it('writes JSON as json.dumps does', () => {
    const values = [
      new Map([['5_cat', { n_repeats: 5, img_count: 12 }]]),
      '中\x7f\x80😀"\\/\n\t\b\f',
      [1, 2.5, null, true, 1e-7, float(1)],
    ];
    expect(values.map(pythonJson)).toEqual(reference.json);
    expect(
      pythonJson(
        new Map([
          [1, 'a'],
          [0, 'b'],
        ]),
      ),
    ).toBe('{"1": "a", "0": "b"}');
  });
});
