import { describe, expect, test } from 'vitest';
import { sourceForSuite } from './apt_sources';

const deb822 = `Types: deb deb-src
# a comment inside a stanza
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBGPL0BUBEADmW5NdOOHwPIJlgPu6JDcKw/NZJPR8lsD3K87ZM18gzyQZJD+w
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
`;

describe('sourceForSuite', () => {
  test('takes mirror, components and inlined key of a deb822 stanza', () => {
    const found = sourceForSuite(
      [{ name: 'debian.sources', text: deb822 }],
      'bookworm',
      'bookworm-backports',
    );
    expect(found?.name).toBe('bookworm-backports.sources');
    expect(found?.text).toBe(`Types: deb
URIs: http://mirror.example/debian
Suites: bookworm-backports
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBGPL0BUBEADmW5NdOOHwPIJlgPu6JDcKw/NZJPR8lsD3K87ZM18gzyQZJD+w
 -----END PGP PUBLIC KEY BLOCK-----
`);
  });

  test('takes mirror, options and components of a one-line entry', () => {
    const text = [
      '# deb http://commented.example/debian bookworm main',
      'deb-src http://source.example/debian bookworm main',
      'deb [arch=amd64 signed-by=/k.gpg]  http://mirror.example/debian/ bookworm main contrib # note',
    ].join('\n');
    expect(sourceForSuite([{ name: 'sources.list', text }], 'bookworm', 'bookworm-backports')).toEqual({
      name: 'bookworm-backports.list',
      text: 'deb [arch=amd64 signed-by=/k.gpg]  http://mirror.example/debian/ bookworm-backports main contrib\n',
    });
  });

  test.each([
    [
      'a disabled stanza',
      'Types: deb\nURIs: http://m.example\nSuites: bookworm\nComponents: main\nEnabled: no\n',
    ],
    ['a source-only stanza', 'Types: deb-src\nURIs: http://m.example\nSuites: bookworm\nComponents: main\n'],
    ['another release', 'Types: deb\nURIs: http://m.example\nSuites: trixie\nComponents: main\n'],
    ['nothing', ''],
  ])('finds nothing in %s', (_, text) => {
    expect(sourceForSuite([{ name: 'x.sources', text }], 'bookworm', 'bookworm-backports')).toBeUndefined();
  });

  test.each([
    [
      'one-line',
      { name: 'sources.list', text: 'deb http://mirror.example/pub/debian/ bookworm main\n' },
      'deb http://mirror.example/pub/debian-security/ bookworm-security main\n',
    ],
    [
      'deb822',
      {
        name: 'x.sources',
        text: 'Types: deb\nURIs: http://a.example/debian\nSuites: bookworm\nComponents: main\n',
      },
      'Types: deb\nURIs: http://a.example/debian-security\nSuites: bookworm-security\nComponents: main\n',
    ],
  ])('moves to the directory beside the archive, %s', (_, file, text) => {
    const found = sourceForSuite([file], 'bookworm', 'bookworm-security', 'debian-security');
    expect(found?.text).toBe(text);
  });

  test('adds nothing where the suite is there already', () => {
    const files = [
      { name: 'debian.sources', text: deb822 },
      { name: 'backports.list', text: 'deb http://mirror.example/debian bookworm-backports main\n' },
    ];
    expect(sourceForSuite(files, 'bookworm', 'bookworm-backports')).toBeUndefined();
  });
});
