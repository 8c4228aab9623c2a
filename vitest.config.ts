import { defineConfig } from 'vitest/config';

/** Layers by file name; use the lowest one that can prove the behaviour. */
const layer = (name: string, include: string[], exclude: string[], options = {}) => ({
  extends: true as const,
  test: { name, include, exclude: ['**/node_modules/**', 'dist/**', ...exclude], ...options },
});

const beside = ['libs/**', 'apps/**', 'bench/**', 'scripts/**', 'test/**'];
const files = (suffix: string) => beside.map((folder) => `${folder}/*.${suffix}`);

export default defineConfig({
  resolve: { conditions: ['drover-source', 'node'] },
  ssr: { resolve: { conditions: ['drover-source', 'node'] } },
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A bound, not an expectation: how long things take on a busy machine is never the claim.
    expect: { poll: { timeout: 20_000 } },
    projects: [
      layer('unit', files('spec.ts'), [...files('redis.spec.ts'), ...files('model.spec.ts')]),
      layer('model', files('model.spec.ts'), [], { testTimeout: 120_000 }),
      layer('redis', files('redis.spec.ts'), [], { testTimeout: 60_000 }),
      // Whole processes on two cores: one file at a time.
      layer('e2e', ['test/**/*.e2e-spec.ts'], [], {
        testTimeout: 180_000,
        hookTimeout: 180_000,
        fileParallelism: false,
      }),
    ],
  },
});
