/**
 * The rules that ask the compiler, for components. Apart from eslint.config.js, as they take minutes where the others take
 * one: `npm run lint:components`, by hand and on the public forge.
 */
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';
import base, { TYPED_RULES } from './eslint.config.js';

export default defineConfig(...base, {
  files: ['src/**/*.svelte'],
  languageOptions: {
    parserOptions: {
      parser: tseslint.parser,
      project: './tsconfig.json',
      tsconfigRootDir: import.meta.dirname,
      extraFileExtensions: ['.svelte'],
    },
  },
  rules: TYPED_RULES,
});
