import { join } from 'node:path';
import { z } from 'zod';
import { ModelFormatError, isFileMissing, readJson, type LlamaConfig } from '#model-store';
import { loadTokenizer } from '#tokenizer';

const MAX_ROW_TOKENS = 512;

/** Chats with an answer a small model could give; no model of this project was trained on them. */
const CHATS = [
  { question: 'What is 46 + 17?', answer: '46 + 17 = 63' },
  { question: 'My friend Ilona lives in Porto. Where does Ilona live?', answer: 'Ilona lives in Porto.' },
  { question: 'Sort these words: plum, cedar, river, anchor', answer: 'anchor, cedar, plum, river' },
  { question: 'Spell the word lantern.', answer: 'l-a-n-t-e-r-n' },
  {
    question: 'Write a short story about a fox and a key.',
    answer:
      'One day, a fox found a small key under a tree. The fox asked every animal what it opened. ' +
      'An old owl said that it opened the garden gate. The fox gave it back. The end.',
  },
];

const TEXTS = [
  'The harbour was quiet in the morning. Two boats came in with fish, and a dog slept beside the nets until the ' +
    'sun reached the wall.',
  'A queue keeps work in order: what was asked first is answered first, unless something more urgent arrives.',
  '{"name": "Marta", "city": "Lisbon", "age": 41, "languages": ["Portuguese", "English"]}',
];

const goldenChats = z.array(
  z.object({ prompt_ids: z.array(z.int().min(0)), greedy_ids: z.array(z.int().min(0)) }),
);

/**
 * Token rows to measure a variant on: the checkpoint's own golden chats (`golden/golden.json`) where it brings some,
 * and the chats and texts of this file.
 */
export async function heldOutRows(checkpointDir: string, config: LlamaConfig): Promise<Int32Array[]> {
  const tokenizer = await loadTokenizer(checkpointDir);
  const chats = CHATS.map(({ question, answer }) =>
    Int32Array.of(
      ...tokenizer.encodeChat([{ role: 'user', content: question }]),
      ...tokenizer.encodeText(answer),
    ),
  );
  const texts = TEXTS.map((text) => tokenizer.encodePrompt(text));
  const longest = Math.min(MAX_ROW_TOKENS, config.contextTokens);
  return [...(await goldenRows(checkpointDir, config)), ...chats, ...texts].map((row) =>
    row.slice(0, longest),
  );
}

async function goldenRows(checkpointDir: string, config: LlamaConfig): Promise<Int32Array[]> {
  const file = join(checkpointDir, 'golden', 'golden.json');
  const json = await readJson(file).catch((error: unknown) => {
    if (isFileMissing(error)) return [];
    throw error;
  });
  const parsed = goldenChats.safeParse(json);
  if (!parsed.success) throw new ModelFormatError(`${file} is no list of prompt_ids and greedy_ids`);
  const rows = parsed.data.map((chat) => Int32Array.from([...chat.prompt_ids, ...chat.greedy_ids]));
  if (rows.some((row) => row.some((token) => token >= config.vocabSize))) {
    throw new ModelFormatError(`${file} names tokens beyond the vocabulary of ${config.vocabSize}`);
  }
  return rows;
}
