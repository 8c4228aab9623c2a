import { expect, it } from 'vitest';
import { drawChart } from './chart.js';
import { REPORT } from './report.fixture.js';

const svg = drawChart(REPORT);

/** Every tag is closed in order and no bare `&` or `<` stands in text or attributes. */
function isWellFormed(xml: string): boolean {
  const open: string[] = [];
  const rest = xml.replaceAll(
    /<(\/?)([a-z]+)((?:\s[a-zA-Z0-9:-]+="[^"<&]*(?:&[a-z]+;[^"<&]*)*")*)(\/?)>/g,
    (_, end, name, __, alone) => {
      if (end === '/') return open.pop() === name ? '' : '<';
      if (alone === '') open.push(name);
      return '';
    },
  );
  return open.length === 0 && !/<|&(?!(?:amp|lt|quot);)/.test(rest);
}

it('is well-formed, whatever the machine is called', () => {
  expect(isWellFormed(svg)).toBe(true);
  expect(isWellFormed(svg.replace('&amp;', '&'))).toBe(false);
  expect(isWellFormed(svg.replace('</text>', ''))).toBe(false);
});

it('draws bars in proportion, and says where nothing was run', () => {
  const heights = [...svg.matchAll(/width="(?!12")[\d.]+" height="([\d.]+)" rx/g)].map(([, height]) =>
    Number(height),
  );
  const [ours1, peer1, ours8] = heights;
  expect(heights).toHaveLength(3);
  expect(ours1! / peer1!).toBeCloseTo(30 / 20, 2);
  expect(ours8! / ours1!).toBeCloseTo(120 / 30, 1);
  expect(svg).toContain('not run');
});

it('refuses to draw what was not measured', () => {
  expect(() => drawChart({ ...REPORT, rows: [] })).toThrow('1B shape');
});
