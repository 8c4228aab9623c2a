import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A tokenizer file that is missing, broken or of a kind this service cannot read. */
export class TokenizerFileError extends Error {
  override readonly name = 'TokenizerFileError';
  readonly file: string;

  constructor(file: string, problem: string, nextStep: string, cause?: unknown) {
    super(`${file}: ${problem}. ${nextStep}`, cause === undefined ? undefined : { cause });
    this.file = file;
  }
}

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

export interface TokenizerFiles {
  /** Path of `tokenizer.json`, for messages. */
  readonly file: string;
  /** `tokenizer.json` without its control tokens: what reads text as data. */
  readonly plainTokenizerJson: Readonly<Record<string, unknown>>;
  readonly tokenizerConfig: Readonly<Record<string, unknown>>;
  readonly addedTokens: readonly AddedToken[];
  /** Source of the chat template; null for a model that has none. */
  readonly chatTemplate: string | null;
  /** End tokens named by `generation_config.json` and `config.json`. */
  readonly endTokenIds: readonly number[];
}

const FETCH_AGAIN = 'Copy the file again from the original checkpoint';
const USE_BYTE_LEVEL = 'Use a model with a byte-level BPE tokenizer, as LLaMA 3 has';

/** Reads a Hugging Face tokenizer directory and checks that it is a byte-level BPE tokenizer. */
export async function readTokenizerFiles(directory: string): Promise<TokenizerFiles> {
  const file = join(directory, 'tokenizer.json');
  const [tokenizerJson, tokenizerConfig, templateFile, ...configs] = await Promise.all([
    readJsonObject(file),
    readJsonObject(join(directory, 'tokenizer_config.json')),
    readOptional(join(directory, 'chat_template.jinja')),
    readOptionalJsonObject(join(directory, 'generation_config.json')),
    readOptionalJsonObject(join(directory, 'config.json')),
  ]);
  checkByteLevelBpe(file, tokenizerJson);
  const addedTokens = readAddedTokens(file, tokenizerJson['added_tokens']);
  const plain = addedTokens.filter((token) => !token.special);
  return {
    file,
    plainTokenizerJson: { ...tokenizerJson, added_tokens: plain },
    tokenizerConfig,
    addedTokens,
    chatTemplate: templateFile ?? defaultTemplateOf(tokenizerConfig['chat_template']),
    endTokenIds: configs.flatMap((config) => tokenIdsOf(config?.['eos_token_id'])),
  };
}

function checkByteLevelBpe(file: string, tokenizerJson: Readonly<Record<string, unknown>>): void {
  const { model, decoder } = tokenizerJson;
  if (!isObject(model) || !isObject(model['vocab']) || !Array.isArray(model['merges'])) {
    throw new TokenizerFileError(file, '`model` lacks `vocab` or `merges`', FETCH_AGAIN);
  }
  const steps = isObject(decoder) && Array.isArray(decoder['decoders']) ? decoder['decoders'] : [decoder];
  if (model['type'] !== 'BPE' || !steps.some((step) => isObject(step) && step['type'] === 'ByteLevel')) {
    throw new TokenizerFileError(file, 'this is not a byte-level BPE tokenizer', USE_BYTE_LEVEL);
  }
}

function readAddedTokens(file: string, value: unknown): AddedToken[] {
  if (!Array.isArray(value)) {
    throw new TokenizerFileError(file, '`added_tokens` is not a list', FETCH_AGAIN);
  }
  return value.map((token: unknown, index) => {
    if (!isObject(token) || typeof token['content'] !== 'string' || typeof token['id'] !== 'number') {
      throw new TokenizerFileError(
        file,
        `\`added_tokens[${index}]\` lacks \`id\` or \`content\``,
        FETCH_AGAIN,
      );
    }
    return { ...token, id: token['id'], content: token['content'], special: token['special'] === true };
  });
}

/** `chat_template` is one source, or a list of named ones of which `default` counts. */
function defaultTemplateOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return null;
  const named: unknown = value.find((entry) => isObject(entry) && entry['name'] === 'default');
  return isObject(named) && typeof named['template'] === 'string' ? named['template'] : null;
}

function tokenIdsOf(value: unknown): number[] {
  return [value].flat().filter((id) => typeof id === 'number');
}

async function readJsonObject(file: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new TokenizerFileError(file, 'cannot be read', 'Check that the model directory is complete', cause);
  }
  return parseJsonObject(file, text);
}

async function readOptionalJsonObject(file: string): Promise<Record<string, unknown> | null> {
  const text = await readOptional(file);
  return text === null ? null : parseJsonObject(file, text);
}

function parseJsonObject(file: string, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new TokenizerFileError(file, 'is not valid JSON', FETCH_AGAIN, cause);
  }
  if (!isObject(value)) throw new TokenizerFileError(file, 'is not a JSON object', FETCH_AGAIN);
  return value;
}

async function readOptional(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new TokenizerFileError(file, 'cannot be read', 'Check its permissions', error);
  }
}

/** A JSON object, as against a list or null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
