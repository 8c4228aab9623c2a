import { expect, it } from 'vitest';
import { toMarkdown } from './markdown.js';
import { REPORT } from './report.fixture.js';

const lines = toMarkdown(REPORT).split('\n');

it('has as many cells in every line of a table as in its header', () => {
  let cells = 0;
  for (const line of lines.filter((text) => text.startsWith('|'))) {
    const found = line.split(' | ').length;
    if (line.startsWith('| 1B shape') || line.startsWith('| prompt')) cells = found;
    expect({ line, found }).toEqual({ line, found: cells });
  }
  expect(cells).toBeGreaterThan(0);
});

it('shows figures beside each other, and a dash where there is none', () => {
  expect(lines).toContain('| 128 | 1 | 30 | 30 | 20 | 20 | 1.5× (1.4×) | 60 % / – |');
  expect(lines).toContain('| 128 | 8 | 120 | 120 | – | – | – | – / – |');
});

it('judges the targets', () => {
  expect(lines).toContain('| decode | node-llama-cpp | 1 | 128 | f32 | ≥ 1× | 1.5× | met |');
});
