/** Lint rules: typescript-eslint's strict ones, Svelte's, and the borders between rooms. Format is Prettier's. */
import svelte from 'eslint-plugin-svelte';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { bordersRule } from './tools/borders.js';

export default defineConfig(
  globalIgnores(['dist/', 'dist-tools/', 'reports/', 'test-results/', 'public/', 'reference/', 'output/']),
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
  // Progress on a terminal is what these are for.
  { files: ['tools/**', 'e2e/**'], rules: { 'no-console': 'off' } },
);
