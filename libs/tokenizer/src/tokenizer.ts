import { Tokenizer as BpeTokenizer } from '@huggingface/tokenizers';
import type { ChatMessage, Tool } from '#contracts';
import { compileChatTemplate, type ChatTemplate } from './chat/chat-template.js';
import { mapStrings } from './chat/map-strings.js';
import { toTemplateChat } from './chat/template-chat.js';
import { IncrementalTextDecoder, type TokenTextDecoder } from './incremental-text-decoder.js';
import { SpecialTokens } from './special-tokens.js';
import { BYTE_OF_CHARACTER, TokenBytes } from './token-bytes.js';
import { isObject, TokenizerFileError, type TokenizerFiles } from './tokenizer-files.js';

/** Control tokens that end a turn or a text in LLaMA 3's format, whichever one the configuration names. */
const LLAMA3_END_TOKENS = ['<|end_of_text|>', '<|eom_id|>', '<|eot_id|>'];

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

export interface TokenDescription {
  readonly token: string;
  /** UTF-8 bytes that the token adds to a text; a token may hold part of a character. */
  readonly bytes: number[];
}

/** Text to token ids and back, for one model. */
export class Tokenizer {
  /** Highest id and one; the model's logits may be longer. */
  readonly vocabSize: number;
  /** Token that begins every prompt; null where the tokenizer adds none. */
  readonly bosTokenId: number | null;
  /** Tokens that end a generated text. */
  readonly endTokenIds: readonly number[];
  /** Control tokens; no message content ever becomes one of them. */
  readonly specialTokenIds: ReadonlySet<number>;
  readonly #bpe: BpeTokenizer;
  readonly #special: SpecialTokens;
  readonly #template: ChatTemplate;
  readonly #tokenBytes: TokenBytes;

  constructor(files: TokenizerFiles) {
    const config = files.tokenizerConfig;
    const plain = files.addedTokens.filter((token) => !token.special);
    this.#special = new SpecialTokens(files.addedTokens);
    this.#bpe = createBpe(files, this.#special);
    this.specialTokenIds = this.#special.ids;
    this.vocabSize = Math.max(
      this.#bpe.model?.vocab.length ?? 0,
      ...files.addedTokens.map(({ id }) => id + 1),
    );
    const bos = tokenTextOf(config['bos_token']);
    const addsBos = bos !== '' && this.#bpe.encode('').tokens[0] === bos;
    this.bosTokenId = addsBos ? (this.#special.idOf(bos) ?? null) : null;
    this.endTokenIds = this.#findEndTokens(files);
    this.#template = compileChatTemplate(files.file, files.chatTemplate, {
      bos_token: bos,
      eos_token: tokenTextOf(config['eos_token']),
    });
    this.#tokenBytes = new TokenBytes(
      (id) => this.#bpe.id_to_token(id),
      new Map(plain.map((token) => [token.id, token.content])),
    );
  }

  /** Text as data: `<|eot_id|>` in it is nine or so plain tokens. No token is added. */
  encodeText(text: string): Int32Array {
    return Int32Array.from(this.#encodePlain(text));
  }

  /** A prompt that the caller wrote whole: control tokens in it are control, and it begins with one BOS. */
  encodePrompt(text: string): Int32Array {
    return this.#encodeSections(this.#special.split(text), (section) => section);
  }

  /**
   * Messages in the model's chat template, one BOS first, the prompt for the answer last. Same tokens as encoding
   * the rendered template whole, except that control tokens written in any text of the caller stay plain text.
   * A template that knows nothing of tools gets them spelled out in the system message.
   * @throws DroverError `invalid_value` where the template refuses the messages, or arguments are not a JSON object.
   */
  encodeChat(messages: readonly ChatMessage[], tools: readonly Tool[] = []): Int32Array {
    const escaper = this.#special.createEscaper();
    const chat = mapStrings(toTemplateChat(messages, tools), (text) => escaper.escape(text));
    const rendered = this.#template(chat);
    return this.#encodeSections(this.#special.split(rendered), (section) => escaper.unescape(section));
  }

  createTextDecoder(): TokenTextDecoder {
    return new IncrementalTextDecoder(this.#tokenBytes, this.specialTokenIds);
  }

  /** Whole text of the tokens, control tokens left out. Spaces stay as generated. */
  decode(tokenIds: Iterable<number>): string {
    const decoder = this.createTextDecoder();
    let text = '';
    for (const id of tokenIds) text += decoder.push(id);
    return text + decoder.flush();
  }

  /** A token by itself. `token` is lossily decoded; a control token has its name there, and no bytes. */
  describeToken(id: number): TokenDescription {
    const name = this.#special.textOf(id);
    if (name !== undefined) return { token: name, bytes: [] };
    const bytes = this.#tokenBytes.of(id);
    return { token: UTF8.decode(bytes), bytes: [...bytes] };
  }

  /** Bytes by token id, `vocabSize` long; null for control tokens and ids without a text. The bytes are shared: do not write. */
  tokenBytes(): (Uint8Array | null)[] {
    return Array.from({ length: this.vocabSize }, (_, id) => {
      const bytes = this.specialTokenIds.has(id) ? null : this.#tokenBytes.of(id);
      return bytes?.length === 0 ? null : bytes;
    });
  }

  #encodeSections(sections: readonly string[], restore: (section: string) => string): Int32Array {
    const ids = sections.flatMap(
      (section) => this.#special.idOf(section) ?? this.#encodePlain(restore(section)),
    );
    const needsBos = this.bosTokenId !== null && ids[0] !== this.bosTokenId;
    return Int32Array.from(needsBos ? [this.bosTokenId, ...ids] : ids);
  }

  #encodePlain(text: string): number[] {
    return this.#bpe.encode(text, { add_special_tokens: false }).ids;
  }

  #findEndTokens(files: TokenizerFiles): number[] {
    const texts = [tokenTextOf(files.tokenizerConfig['eos_token']), ...LLAMA3_END_TOKENS];
    const named = texts.map((text) => this.#special.idOf(text)).filter((id) => id !== undefined);
    return [...new Set([...files.endTokenIds, ...named])].toSorted((a, b) => a - b);
  }
}

/** A tokenizer that knows no control tokens: they are cut out before it sees text. */
function createBpe(files: TokenizerFiles, special: SpecialTokens): BpeTokenizer {
  let bpe: BpeTokenizer;
  try {
    bpe = new BpeTokenizer(files.plainTokenizerJson, files.tokenizerConfig);
  } catch (cause) {
    const nextStep = 'Copy the file again from the original checkpoint';
    throw new TokenizerFileError(files.file, 'is not a usable tokenizer', nextStep, cause);
  }
  // Some vocabularies list control tokens among the words as well, where plain text could reach them.
  for (const content of special.contents()) bpe.model?.tokens_to_ids.delete(content);
  // A byte without a token would vanish from prompts without a word.
  const missing = [...BYTE_OF_CHARACTER].find(([character]) => bpe.token_to_id(character) === undefined);
  if (missing !== undefined) {
    const nextStep = 'Use a tokenizer whose vocabulary covers all 256 bytes';
    throw new TokenizerFileError(files.file, `its vocabulary has no token for byte ${missing[1]}`, nextStep);
  }
  return bpe;
}

/** `bos_token` and its like are a text or an object with `content`. */
function tokenTextOf(value: unknown): string {
  const text = isObject(value) ? value['content'] : value;
  return typeof text === 'string' ? text : '';
}
