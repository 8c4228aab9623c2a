import { readdir } from 'node:fs/promises';
import type { LlamaConfig } from '#model-store';
import { loadTokenizer } from '#tokenizer';

const MAX_ROW_TOKENS = 512;

/** Chats and texts of the kinds models are used for; none of them is among the rows that quality is measured on. */
const CHATS = [
  {
    question: 'How much is 128 divided by 16, and what is left over?',
    answer: '128 / 16 = 8, nothing is left over.',
  },
  {
    question: 'My sister Tereza works in a bakery in Lyon. What does she do, and where?',
    answer: 'She works in a bakery. The bakery is in Lyon.',
  },
  {
    question: 'Write a poem about rain on a tin roof.',
    answer:
      'Small drums begin above the bed,\nthe night has fingers made of rain.\nThey count the things that were not said,\n' +
      'forget, and count them all again.',
  },
  {
    question: 'Give me three reasons to keep a diary, as a numbered list.',
    answer:
      '1. You see how your thoughts change.\n2. You remember days that would be gone.\n3. Writing slows you down.',
  },
  {
    question: '¿Cómo se dice "library" en español? Und wie heißt das auf Deutsch?',
    answer: 'En español: biblioteca. Auf Deutsch: Bibliothek.',
  },
];

const TEXTS = [
  'export function clamp(value, low, high) {\n  if (low > high) throw new RangeError(`${low} > ${high}`);\n' +
    '  return Math.min(high, Math.max(low, value));\n}\n',
  '<order id="A-7731"><item sku="00412" count="3"/><item sku="19877" count="1"/><total>84.50</total></order>',
  'At 06:40 the ferry left with nineteen passengers, two bicycles and a crate of oranges; by noon the wind had turned ' +
    'and the captain, who had seen worse in March, kept close to the shore until the lighthouse came out of the haze.',
  'SELECT city, count(*) AS n FROM visits WHERE year BETWEEN 2019 AND 2024 GROUP BY city ORDER BY n DESC LIMIT 10;',
  'Temperature fell from 21.5 °C to -3.2 °C; pressure rose 14 hPa. 0.1% of 3,600 readings were dropped (n = 4).',
];

const RANDOM_ROWS = 8;
const RANDOM_ROW_TOKENS = 200;

/**
 * Token rows to take the range of keys and values from: text where the checkpoint has a tokenizer, and rows of tokens
 * drawn evenly from the vocabulary, which go further than text does and so leave it room.
 */
export async function calibrationRows(checkpointDir: string, config: LlamaConfig): Promise<Int32Array[]> {
  const longest = Math.min(MAX_ROW_TOKENS, config.contextTokens);
  return [...(await textRows(checkpointDir)), ...randomRows(config)].map((row) => row.slice(0, longest));
}

async function textRows(checkpointDir: string): Promise<Int32Array[]> {
  if (!(await readdir(checkpointDir)).includes('tokenizer.json')) return [];
  const tokenizer = await loadTokenizer(checkpointDir);
  const chats = CHATS.map(({ question, answer }) =>
    Int32Array.of(
      ...tokenizer.encodeChat([{ role: 'user', content: question }]),
      ...tokenizer.encodeText(answer),
    ),
  );
  return [...chats, ...TEXTS.map((text) => tokenizer.encodePrompt(text))];
}

/** Multiplicative hashing (Knuth): spread evenly, and the same everywhere. */
function randomRows({ vocabSize }: LlamaConfig): Int32Array[] {
  const tokens = Int32Array.from(
    { length: RANDOM_ROWS * RANDOM_ROW_TOKENS },
    (_, i) => (Math.imul(i + 1, 0x9e3779b1) >>> 8) % vocabSize,
  );
  return Array.from({ length: RANDOM_ROWS }, (_, row) =>
    tokens.slice(row * RANDOM_ROW_TOKENS, (row + 1) * RANDOM_ROW_TOKENS),
  );
}
