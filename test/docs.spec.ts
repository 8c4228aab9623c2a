import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { apiEnvSchema, launcherEnvSchema, workerEnvSchema } from '#config';

const root = new URL('..', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

const manifest = z.object({ scripts: z.record(z.string(), z.string()) });

describe('the docs', () => {
  it('name only files that exist in the code map', () => {
    const paths = [...read('docs/code-map.md').matchAll(/\| `([^`]+)` +\|/g)].map((match) => match[1] ?? '');
    expect(paths.length).toBeGreaterThan(10);
    expect(paths.filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
  });

  it('link only to pages that exist', () => {
    for (const page of ['README.md', 'docs/architecture.md', 'docs/jobs.md', 'docs/webhooks.md']) {
      const base = new URL(page, root);
      const links = [...read(page).matchAll(/\]\(([^)#]+)\)/g)]
        .map((match) => match[1] ?? '')
        .filter((link) => !link.startsWith('http'));
      expect(links.filter((link) => !existsSync(new URL(link, base)))).toEqual([]);
    }
  });

  it('list every environment variable in the README', () => {
    const readme = read('README.md');
    const names = [apiEnvSchema, workerEnvSchema, launcherEnvSchema].flatMap((schema) =>
      Object.keys(schema.shape),
    );
    expect(names.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
  });

  it('name only scripts that package.json has', () => {
    const { scripts } = manifest.parse(JSON.parse(read('package.json')));
    const used = [...read('README.md').matchAll(/npm run ([a-z:]+)/g)].map((match) => match[1] ?? '');
    expect(used.filter((name) => scripts[name] === undefined)).toEqual([]);
  });
});
