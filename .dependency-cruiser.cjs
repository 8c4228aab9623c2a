/** Data goes one way through the folders; each rule says which neighbours a folder may use. */
const mayImport = {
  contracts: [],
  config: ['contracts'],
  observability: ['contracts'],
  tokenizer: ['contracts'],
  'model-store': ['contracts'],
  engine: ['contracts'],
  'onnx-runner': ['contracts', 'engine', 'model-store'],
  structured: ['contracts', 'engine', 'tokenizer'],
  quantizer: ['contracts', 'model-store', 'onnx-runner', 'tokenizer'],
  queue: ['contracts', 'config', 'observability'],
  results: ['contracts', 'config', 'observability', 'queue'],
  webhooks: ['contracts', 'config', 'observability', 'queue', 'results'],
};

/** Apps: what each one leaves out is the point (the API's image carries no ONNX Runtime). */
const appMayImport = {
  api: [
    'contracts',
    'config',
    'observability',
    'tokenizer',
    'model-store',
    'structured',
    'queue',
    'results',
    'webhooks',
  ],
  worker: [
    'contracts',
    'config',
    'observability',
    'tokenizer',
    'model-store',
    'engine',
    'structured',
    'onnx-runner',
    'queue',
  ],
  cli: [
    'contracts',
    'config',
    'observability',
    'tokenizer',
    'model-store',
    'quantizer',
    'onnx-runner',
    'queue',
    'webhooks',
  ],
};

const spec = '\\.(spec|e2e-spec|fixture)\\.ts$';

const direction = (folder, name, allowed) => ({
  name: `${name}-imports`,
  comment: `${folder}/${name} may use ${allowed.join(', ') || 'no other lib'}`,
  severity: 'error',
  from: { path: `^${folder}/${name}/`, pathNot: spec },
  to: { path: '^(libs|apps)/', pathNot: [`^${folder}/${name}/`, `^libs/(${allowed.join('|') || 'none'})/`] },
});

const onlyIn = (name, packages, folders) => ({
  name,
  comment: `${packages.join(', ')} only in ${folders.join(', ')}`,
  severity: 'error',
  from: { path: '^(libs|apps)/', pathNot: [...folders.map((folder) => `^${folder}/`), spec] },
  to: { path: packages.map((p) => `node_modules/${p}/`) },
});

module.exports = {
  forbidden: [
    ...Object.entries(mayImport).map(([lib, allowed]) => direction('libs', lib, allowed)),
    ...Object.entries(appMayImport).map(([app, allowed]) => direction('apps', app, allowed)),
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'enter-libs-by-the-front-door',
      comment: 'Import `#lib`, not a file inside it',
      severity: 'error',
      from: { path: '^(libs|apps|test|bench)/([^/]+)/' },
      to: { path: '^libs/([^/]+)/', pathNot: ['^libs/$2/', '^libs/[^/]+/src/index\\.ts$'] },
    },
    {
      name: 'testing-is-for-tests',
      severity: 'error',
      from: { path: '^(libs|apps)/', pathNot: [spec, '^libs/testing/'] },
      to: { path: '^libs/testing/' },
    },
    onlyIn('onnx-runtime-behind-its-port', ['onnxruntime-node', 'koffi'], ['libs/onnx-runner']),
    onlyIn(
      'bullmq-behind-the-queue',
      ['bullmq', 'ioredis', '@nestjs/bullmq'],
      ['libs/queue', 'libs/webhooks', 'libs/results', 'libs/testing', 'apps/api', 'apps/worker'],
    ),
    onlyIn('nest-only-in-apps', ['@nestjs'], ['apps/api', 'libs/webhooks']),
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      conditionNames: ['drover-source', 'import', 'require', 'node', 'default'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
};
