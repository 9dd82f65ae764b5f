/** Encodings: what the bytes say is read, what they do not say is asked for, with the text in each that fits. */
import { expect, test } from 'vitest';
import { decodeText, encodingPreviews, inEncoding } from './text';

const utf8 = (text: string) => new TextEncoder().encode(text);
const wide = (text: string, bigEndian: boolean, mark: boolean) => {
  const units = Array.from((mark ? '\ufeff' : '') + text, (letter) => letter.charCodeAt(0));
  return Uint8Array.from(
    units.flatMap((unit) => (bigEndian ? [unit >> 8, unit & 255] : [unit & 255, unit >> 8])),
  );
};
/** 水墨, 山水 and 一只猫 in GBK; the first is UTF-8 as well, by chance. */
const ink = Uint8Array.of(0xcb, 0xae, 0xc4, 0xab, 0x2c, 0x20, 0xc9, 0xbd, 0xcb, 0xae);
const cat = Uint8Array.of(0xd2, 0xbb, 0xd6, 0xbb, 0xc3, 0xa8);

test.each([
  ['UTF-8', utf8('水墨, a cat')],
  ['UTF-8 with its mark', utf8('\ufeff水墨, a cat')],
  ['UTF-16 LE', wide('水墨, a cat', false, true)],
  ['UTF-16 BE', wide('水墨, a cat', true, true)],
])('%s is read without asking', (_, bytes) => expect(decodeText(bytes)).toEqual({ text: '水墨, a cat' }));

test('UTF-16 of Latin letters is known without its mark', () => {
  for (const bigEndian of [false, true])
    expect(decodeText(wide('a red cat, 猫', bigEndian, false))).toEqual({ text: 'a red cat, 猫' });
});

test.each([
  'für Elise, Äpfel und Öl',
  'кот на крыше, кёльн',
  'γάτα στη στέγη',
  'חתול על הגג',
  'قطة على السطح',
  'ăn cơm, người Việt',
  'nǐ hǎo',
  'e\u0301te\u0301, 20 °C ± 2',
  'Łódź, žluťoučký kůň',
])('%s is UTF-8 and nothing else', (text) => expect(decodeText(utf8(text))).toEqual({ text }));

test('GBK is asked for, also where its bytes are UTF-8 by chance', () => {
  expect(decodeText(ink)).toEqual({ problem: 'encoding', line: 1 });
  expect(decodeText(cat)).toEqual({ problem: 'encoding', line: 1 });
  expect(decodeText(ink, 'gbk')).toEqual({ text: '水墨, 山水' });
  expect(decodeText(ink, 'utf-8')).toEqual({ text: 'ˮī, ɽˮ' });
  expect(decodeText(Uint8Array.of(0x61, 0x0a, 0xc4, 0xe3), 'utf-8')).toEqual({
    problem: 'encoding',
    line: 2,
  });
});

test('The preview shows each encoding that all files fit', () => {
  const shown = Object.fromEntries(
    encodingPreviews([ink, cat]).map(({ encoding, texts }) => [encoding, texts]),
  );
  expect(shown['gbk']).toEqual(['水墨, 山水', '一只猫']);
  expect(shown['windows-1252']?.[1]).toBe('Ò»Ö»Ã¨');
  const neko = Uint8Array.of(0x94, 0x4c, 0x82, 0xc6);
  expect(encodingPreviews([neko]).find(({ encoding }) => encoding === 'shift-jis')?.texts).toEqual(['猫と']);
  expect(encodingPreviews([neko]).map(({ encoding }) => encoding)).not.toContain('utf-8');
});

test('windows-1252 is not Latin-1', () => {
  expect(inEncoding(Uint8Array.of(0x93, 0x61, 0x94, 0x20, 0x80, 0xe9), 'windows-1252')).toBe('“a” €é');
});

test('What is no text is refused', () => {
  expect(decodeText(Uint8Array.of(0x61, 0x0a, 0, 0, 0x61))).toEqual({ problem: 'binary', line: 2 });
});
