/*
 * Part of `npm run check`: which file of `src` may import which (docs/design.md, "Layers").
 */

/** The layers of `src`, from the top down: each imports only from those below it, and from the shared files. */
const LAYERS = [
  'gateway',
  'admin',
  'self-service',
  'oauth',
  'connections',
  'sign-in',
  'upstream',
  'account',
  'flow',
  'limits',
  'servers',
  'ui',
  'audit',
  'config',
];

/** The files that put the layers together. */
const ENTRIES = '^src/(index|app)\\.ts$';

/** What only one file may import, so that the rest doesn't come to depend on it. */
const OAUTH_LIBRARY = {
  package: '@cloudflare/workers-oauth-provider',
  user: '^src/oauth/protocol/library\\.ts$',
};

const downwardsOnly = LAYERS.slice(1).map((layer, index) => ({
  name: `${layer}-imports-upwards`,
  comment: `A layer imports only the layers below it; above ${layer}: ${LAYERS.slice(0, index + 1).join(', ')}.`,
  severity: 'error',
  from: { path: `^src/${layer}/` },
  to: { path: `^src/(${LAYERS.slice(0, index + 1).join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...downwardsOnly,
    {
      name: 'unknown-layer',
      comment: 'A new folder of src needs its place in the list of layers.',
      severity: 'error',
      from: {},
      to: { path: '^src/[^/]+/', pathNot: `^src/(${LAYERS.join('|')})/` },
    },
    {
      name: 'layer-by-its-index',
      comment: 'Other layers are imported by their index.ts, which lists what they offer.',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/[^/]+/', pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$'] },
    },
    {
      name: 'entry-by-index',
      comment: 'app.ts and index.ts put layers together by what those offer.',
      severity: 'error',
      from: { path: ENTRIES },
      to: { path: '^src/[^/]+/', pathNot: '^src/[^/]+/index\\.ts$' },
    },
    {
      name: 'shared-imports-layer',
      comment: 'The files directly in src are shared by all layers, and know none of them.',
      severity: 'error',
      from: { path: '^src/[^/]+\\.tsx?$', pathNot: [ENTRIES, '\\.d\\.ts$'] },
      to: { path: '^src/[^/]+/' },
    },
    {
      name: 'imports-an-entry',
      comment: 'Nothing imports what puts everything together.',
      severity: 'error',
      from: { pathNot: [ENTRIES, '\\.d\\.ts$'] },
      to: { path: ENTRIES },
    },
    {
      name: 'account-without-http',
      comment: 'The Account object answers values: no HTTP framework and no pages.',
      severity: 'error',
      from: { path: '^src/account/' },
      to: { path: ['^src/ui/', '(^|/)node_modules/hono/', '^hono(/|$)'] },
    },
    {
      name: 'oauth-library-once',
      comment: `Only one file imports ${OAUTH_LIBRARY.package}.`,
      severity: 'error',
      from: { path: '^src/', pathNot: OAUTH_LIBRARY.user },
      to: { path: OAUTH_LIBRARY.package },
    },
    {
      name: 'no-circular-files',
      comment: 'Files never import each other in a circle, types included.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-circular-folders',
      comment: 'Folders never import each other in a circle.',
      severity: 'error',
      scope: 'folder',
      from: {},
      to: { circular: true },
    },
    {
      name: 'not-found',
      comment: 'An import names a file that is there.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^cloudflare:' },
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.d.ts', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['workerd', 'import', 'types', 'default'],
    },
  },
};
