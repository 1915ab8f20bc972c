// JavaScript that no type checker reads: the local Shopify, the checks, the theme blocks' script.
// shopify-app is checked by tsc; its plain JavaScript is linted here too.
import js from '@eslint/js';
import globals from 'globals';

export default [
  {
    ignores: [
      '**/node_modules/',
      '**/build/',
      '**/.react-router/',
      '.venv/',
      '.data/',
      '.bench/',
      '.make/',
      '.schema/',
      'devstore/.schema/',
      // Made of extensions/recommendations.js.
      'extensions/tailorbird-theme/assets/',
      '**/*.ts',
      '**/*.tsx',
    ],
  },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, sourceType: 'module', globals: globals.node },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' }],
      'no-var': 'error',
      'prefer-const': 'error',
      'no-else-return': 'error',
      'no-implicit-coercion': ['error', { boolean: false }],
      'no-throw-literal': 'error',
      // liquidjs takes a tag's render as a generator, whether it yields or not.
      'require-yield': 'off',
    },
  },
  {
    files: ['tests/e2e/**/*.mjs', '**/*browser.test.mjs', 'extensions/**/*.js', 'devstore/stand-ins/**/*.js', 'devstore/admin-frame/**/*.js', 'devstore/storefront/**/assets/**/*.js'],
    languageOptions: { globals: { ...globals.browser, ...globals.node, axe: 'readonly', shopify: 'readonly' } },
  },
];
