import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cpuMilliseconds } from '../../cpu_time.testing';
import { captionOf, CaptionFileError, joinLines, textOf } from './caption_file';
import { fileKey } from './kinds';
import { editCsvTable, formatMetadataCsv, parseMetadataCsv, readCsvTable } from './metadata_csv';

const pairs = (text: string | Uint8Array) =>
  parseMetadataCsv(text).map(({ file, text: caption }) => [file, caption]);

function refusal(read: () => unknown): CaptionFileError {
  try {
    read();
  } catch (error) {
    if (error instanceof CaptionFileError) return error;
    throw error;
  }
  throw new Error('not refused');
}

describe('parseMetadataCsv', () => {
  it.each([
    ['as lora-scripts writes it', 'img01.jpg,"cyberpunk cityscape with neon lights"\nimg02.png,"a, b"\n'],
    ['with a header', 'file_name,text\nimg01.jpg,cyberpunk cityscape with neon lights\nimg02.png,"a, b"'],
    [
      'with another header',
      'Image,Caption\r\nimg01.jpg,cyberpunk cityscape with neon lights\r\nimg02.png,"a, b"\r\n',
    ],
    [
      'with columns the other way round and more of them',
      'caption,id,image\n"cyberpunk cityscape with neon lights",1,img01.jpg\n"a, b",2,img02.png\n',
    ],
    [
      'with BOM, CRLF and blank lines',
      '\ufeffimg01.jpg,"cyberpunk cityscape with neon lights"\r\n\r\nimg02.png,"a, b"\r\n',
    ],
    ['with old Mac line ends', 'img01.jpg,"cyberpunk cityscape with neon lights"\rimg02.png,"a, b"\r'],
  ])('reads a file %s', (_, text) => {
    const wanted = [
      ['img01.jpg', 'cyberpunk cityscape with neon lights'],
      ['img02.png', 'a, b'],
    ];
    expect(pairs(text)).toEqual(wanted);
    expect(pairs(new TextEncoder().encode(text))).toEqual(wanted);
  });

  it('reads quotes, newlines in quotes, Chinese names, folders and empty captions', () => {
    const text = '水墨 01.jpg,"山水，""云雾"",\n远山"\r\nsub\\b.png,\n"c,1.webp",plain\n';
    expect(parseMetadataCsv(text)).toEqual([
      { file: '水墨 01.jpg', text: '山水，"云雾",\n远山', line: 1 },
      { file: 'sub/b.png', text: '', line: 3 },
      { file: 'c,1.webp', text: 'plain', line: 4 },
    ]);
    expect(parseMetadataCsv('')).toEqual([]);
    expect(parseMetadataCsv('file_name,text\n')).toEqual([]);
  });

  it.each([
    ['a caption with bare commas', 'a.jpg,x\nb.jpg,one, two', 'too-many-fields', 2],
    ['a line without caption', 'a.jpg,x\n\nb.jpg', 'too-few-fields', 3],
    ['no name', 'a.jpg,x\n,caption', 'empty-name', 2],
    ['a quote inside a bare caption', 'a.jpg,say "hi"', 'stray-quote', 1],
    ['text after a quote', 'a.jpg,"x\ny" z\n', 'stray-quote', 2],
    ['a quote that never closes', 'a.jpg,x\nb.jpg,"open\nc.jpg,y\n', 'unclosed-quote', 2],
    ['one name twice', 'a.jpg,x\nb.jpg,y\n./a.jpg,z', 'duplicate-name', 3],
    ['one name in two Unicode forms', 'é.jpg,x\ne\u0301.jpg,y', 'duplicate-name', 2],
    ['a NUL', 'a.jpg,x\nb\0,y', 'control-character', 2],
  ])('refuses %s, naming the line', (_, text, code, line) => {
    const error = refusal(() => parseMetadataCsv(text));
    expect([error.code, error.line]).toEqual([code, line]);
    expect(error.message).toMatch(/metadata\.csv/);
  });

  it('refuses other encodings by name', () => {
    const gbk = Uint8Array.of(0x61, 0x2c, 0x62, 0x0a, 0xd6, 0xd0, 0xce, 0xc4, 0x2c, 0x63);
    expect(refusal(() => parseMetadataCsv(gbk))).toMatchObject({ code: 'encoding', line: 2 });
    expect(refusal(() => parseMetadataCsv(gbk)).message).toContain('GBK');
    expect(parseMetadataCsv(Uint8Array.of(0xff, 0xfe, 0x61, 0, 0x2c, 0, 0x62, 0))).toMatchObject([
      { text: 'b' },
    ]);
  });

  it('reads back what it wrote', () => {
    const text = fc
      .string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', '中', 'text', 'caption') })
      .map((s) => s.trim());
    const name = fc.string({
      unit: fc.constantFrom('a', 'b', '"', ',', '猫', '.', 'file_name'),
      minLength: 1,
    });
    const rows = fc.uniqueArray(fc.record({ file: name, text }), { selector: ({ file }) => fileKey(file) });
    fc.assert(
      fc.property(rows, (list) => {
        const wanted = list.map(({ file, text: caption }) => [file, caption]);
        expect(pairs(formatMetadataCsv(list))).toEqual(wanted);
      }),
      { numRuns: 1000 },
    );
    expect(formatMetadataCsv([{ file: 'img01.jpg', text: 'neon' }])).toBe('img01.jpg,"neon"\n');
    expect(pairs(formatMetadataCsv([{ file: 'image', text: 'caption' }]))).toEqual([['image', 'caption']]);
  });

  it('answers any bytes with rows or a CaptionFileError', () => {
    const soup = fc.string({
      unit: fc.constantFrom('"', ',', '\n', '\r', 'a', '\0', '\ufeff', '""', 'file', 'text'),
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), soup), (input) => {
        try {
          for (const row of parseMetadataCsv(input)) expect(row.file).not.toBe('');
        } catch (error) {
          expect(error).toBeInstanceOf(CaptionFileError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('is linear: a megabyte of quotes is read at once', () => {
    const start = cpuMilliseconds();
    expect(pairs(`a.jpg,"${'""'.repeat(500_000)}"`)[0][1]).toHaveLength(500_000);
    refusal(() => parseMetadataCsv(`a.jpg,"${'""'.repeat(500_000)}`));
    expect(cpuMilliseconds() - start).toBeLessThan(2000);
  });
});

describe('a caption of several lines', () => {
  it('joins what the lines say, a blank first one left out', () => {
    const read = (text: string) =>
      joinLines(captionOf(textOf(new TextEncoder().encode(text), 'This file'), 'This file'));
    expect(read('\ufeff a cat, 水墨 \r\n\r\nred,\nzk')).toEqual({ text: 'a cat, 水墨, red, zk', lines: 3 });
    expect(read('\n\n one\rtwo')).toEqual({ text: 'one, two', lines: 2 });
    expect(read('It rains.\nA man stands there.')).toEqual({
      text: 'It rains. A man stands there.',
      lines: 2,
    });
    expect(read(' \n ')).toEqual({ text: '', lines: 0 });
    expect(refusal(() => textOf(Uint8Array.of(0xc3, 0x28), 'This file')).code).toBe('encoding');
  });
});

describe('other tables of the kind', () => {
  it.each([
    ['a space after the comma', 'img01.jpg, "a, b"\nimg02.jpg,  c\n'],
    ['further columns and a header', 'file,caption,tags\nimg01.jpg,"a, b",x\nimg02.jpg,c,y\n'],
    ['an index in front, as pandas writes it', ',image,text\n0,img01.jpg,"a, b"\n1,img02.jpg,c\n'],
    ['semicolons', 'img01.jpg;a, b\nimg02.jpg;c\n'],
    ['semicolons and a header', 'file_name;text\r\nimg01.jpg;a, b\r\nimg02.jpg;c\r\n'],
    ['tabs', 'img01.jpg\ta, b\nimg02.jpg\tc\n'],
    ['BOM before a quote', '\ufeff"img01.jpg","a, b"\n"img02.jpg","c"\n'],
    ['a row said twice', 'img01.jpg,"a, b"\nimg02.jpg,c\nimg02.jpg,c\n'],
  ])('reads %s', (_, text) => {
    expect(new Map(readCsvTable(text, 'x').rows.map(({ file, text: caption }) => [file, caption]))).toEqual(
      new Map([
        ['img01.jpg', 'a, b'],
        ['img02.jpg', 'c'],
      ]),
    );
  });

  it('parts by what the name says, not by what a caption holds', () => {
    expect(readCsvTable('a.png,red; blue; green\n', 'x').rows[0].text).toBe('red; blue; green');
    expect(readCsvTable('a.png;red, blue, green\n', 'x').rows[0].text).toBe('red, blue, green');
  });
});

describe('editCsvTable', () => {
  it('changes the named rows and nothing else', () => {
    const table = '\ufefffile;id;caption\r\nb.png;7;"old; one"\r\ngone.png;8;kept\r\na.png;9; x\r\n';
    const changes = new Map([
      [0, 'new'],
      [2, 'say "a"'],
    ]);
    expect(editCsvTable(table, changes, [{ file: 'c;d.png', text: 'c' }])).toBe(
      '\ufefffile;id;caption\r\nb.png;7;"new"\r\ngone.png;8;kept\r\na.png;9;"say ""a"""\r\n"c;d.png";;"c"\r\n',
    );
    expect(editCsvTable('a.png,x', new Map(), [{ file: 'b.png', text: 'y' }])).toBe('a.png,x\nb.png,"y"\n');
    expect(editCsvTable('', new Map(), [{ file: 'b.png', text: 'y' }])).toBe('b.png,"y"\n');
  });

  it('leaves a table alone that nothing changes in, and reads back what it wrote', () => {
    const word = fc
      .string({ unit: fc.constantFrom('a', '"', ',', '\n', ' ', '中', ';') })
      .map((s) => s.trim());
    const row = fc.record({ file: fc.stringMatching(/^[a-c]{1,3}\.png$/), text: word });
    const rows = fc.uniqueArray(row, { selector: ({ file }) => file, minLength: 1 });
    fc.assert(
      fc.property(rows, fc.nat(), word, (list, at, text) => {
        const table = formatMetadataCsv(list);
        expect(editCsvTable(table, new Map(), [])).toBe(table);
        const index = at % list.length;
        const edited = editCsvTable(table, new Map([[index, text]]), [{ file: 'new.png', text }]);
        const wanted = list.map((each, i) => [each.file, i === index ? text : each.text]);
        expect(pairs(edited)).toEqual([...wanted, ['new.png', text]]);
      }),
    );
  });
});
