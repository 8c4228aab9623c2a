/** Bars in groups, one of each series in a group; null where there is nothing to show. */
export interface BarChart {
  readonly title: string;
  readonly subtitle: string;
  readonly groups: readonly string[];
  readonly series: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
}

const WIDTH = 760;
const HEIGHT = 380;
const PLOT = { left: 24, right: 736, top: 104, bottom: 336 };
const GROUP_SHARE = 0.78;
const BAR_GAP = 3;

/** Colours that keep their contrast on white and on black; words take the page's. */
const COLOURS = ['#2f81f7', '#d29922', '#8b949e'];
const STYLE =
  'text{font-family:system-ui,sans-serif;font-size:13px;fill:#24292f}.title{font-size:17px;font-weight:600}' +
  '.quiet{fill:#6e7781}.number{font-size:12px}.base{stroke:#8b949e}' +
  '@media(prefers-color-scheme:dark){text{fill:#e6edf3}.quiet{fill:#8b949e}}';

export function drawBarChart({ title, subtitle, groups, series }: BarChart): string {
  const groupWidth = (PLOT.right - PLOT.left) / groups.length;
  const barWidth = (groupWidth * GROUP_SHARE) / series.length;
  const largest = Math.max(...series.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const bars = groups.flatMap((_, group) =>
    series.flatMap(({ values }, index) => {
      const value = values[group] ?? null;
      const left = PLOT.left + group * groupWidth + (groupWidth * (1 - GROUP_SHARE)) / 2 + index * barWidth;
      return bar(value, largest, left, barWidth - BAR_GAP, COLOURS[index % COLOURS.length]!);
    }),
  );
  const names = groups.map((name, group) =>
    text(name, PLOT.left + (group + 0.5) * groupWidth, PLOT.bottom + 22, 'middle'),
  );
  const legend = series.flatMap(({ name }, index) => legendEntry(name, index));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${escape(title)}">`,
    `<style>${STYLE}</style>`,
    text(title, PLOT.left, 30, 'start', 'title'),
    text(subtitle, PLOT.left, 50, 'start', 'quiet'),
    ...legend,
    ...bars,
    `<line class="base" x1="${PLOT.left}" x2="${PLOT.right}" y1="${PLOT.bottom}" y2="${PLOT.bottom}"/>`,
    ...names,
    '</svg>',
    '',
  ].join('\n');
}

function bar(value: number | null, largest: number, left: number, width: number, colour: string): string[] {
  const middle = left + width / 2;
  if (value === null) return [text('not run', middle, PLOT.bottom - 6, 'middle', 'number quiet')];
  const height = ((PLOT.bottom - PLOT.top) * value) / largest;
  const top = PLOT.bottom - height;
  return [
    `<rect x="${left.toFixed(1)}" y="${top.toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}" rx="2" fill="${colour}"/>`,
    text(String(value), middle, top - 5, 'middle', 'number'),
  ];
}

function legendEntry(name: string, index: number): string[] {
  const left = PLOT.left + index * 150;
  return [
    `<rect x="${left}" y="66" width="12" height="12" rx="2" fill="${COLOURS[index % COLOURS.length]}"/>`,
    text(name, left + 18, 77, 'start'),
  ];
}

function text(words: string, x: number, y: number, anchor: 'start' | 'middle', style = ''): string {
  const styled = style === '' ? '' : ` class="${style}"`;
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}"${styled}>${escape(words)}</text>`;
}

function escape(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
