/** Lint rules: typescript-eslint's strict ones, Svelte's, and the borders between rooms. Format is Prettier's. */
import svelte from 'eslint-plugin-svelte';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { bordersRule } from './tools/borders.js';

/**
 * Rules that ask the compiler.
 * @type {Record<string, 'error'>}
 */
export const TYPED_RULES = {
  // A `switch` over a union names every member, so that a new one is found by the linter: `default` does not count.
  '@typescript-eslint/switch-exhaustiveness-check': 'error',
  '@typescript-eslint/no-floating-promises': 'error',
  '@typescript-eslint/no-misused-promises': 'error',
  '@typescript-eslint/no-unnecessary-type-assertion': 'error',
};

export default defineConfig(
  globalIgnores([
    'dist/',
    'dist-tools/',
    'dist-package/',
    'reports/',
    'test-results/',
    'public/',
    'reference/',
    'output/',
  ]),
  tseslint.configs.strict,
  svelte.configs.recommended,
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
  },
  {
    files: ['**/*.{ts,js,svelte}'],
    plugins: { borders: { rules: { rooms: bordersRule(import.meta.dirname) } } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'borders/rooms': 'error',
      'no-console': ['error', { allow: ['warn', 'error'] }],
      eqeqeq: 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
    },
  },
  // Components have them in eslint.components.js.
  {
    files: ['{src,workers,tools,e2e}/**/*.ts'],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: TYPED_RULES,
  },
  // Progress on a terminal is what these are for.
  { files: ['tools/**', 'e2e/**'], rules: { 'no-console': 'off' } },
);
