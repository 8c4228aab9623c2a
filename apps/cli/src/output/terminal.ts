import { stripVTControlCharacters, styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Where the commands write: plain text, with colours only where someone looks at a terminal. */
export class Terminal {
  readonly #stream: NodeJS.WriteStream;
  #inProgress = false;

  constructor(stream: NodeJS.WriteStream = process.stdout) {
    this.#stream = stream;
  }

  line(text = ''): void {
    this.#clearProgress();
    this.write(`${text}\n`);
  }

  write(text: string): void {
    this.#stream.write(text);
  }

  heading(text: string): void {
    this.line();
    this.line(this.style('bold', text));
  }

  /** `styleText` leaves the colours out for streams that are no terminal and where NO_COLOR is set. */
  style(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#stream });
  }

  /** Whether a line can be written over. */
  get rewrites(): boolean {
    return this.#stream.isTTY;
  }

  /** Writes over the current line; nothing where that is impossible. The next `line` takes its place. */
  progress(text: string): void {
    if (!this.rewrites) return;
    this.#clearProgress();
    this.write(text);
    this.#inProgress = true;
  }

  #clearProgress(): void {
    if (this.#inProgress) this.write('\r\u001B[2K');
    this.#inProgress = false;
  }

  /** Columns as wide as their widest cell. */
  table(rows: readonly (readonly string[])[]): void {
    const width = (cell: string) => stripVTControlCharacters(cell).length;
    const widths = (rows[0] ?? []).map((_cell, column) =>
      Math.max(...rows.map((row) => width(row[column] ?? ''))),
    );
    for (const row of rows) {
      const cells = row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell)));
      this.line(`  ${cells.join('   ')}`.trimEnd());
    }
  }
}
