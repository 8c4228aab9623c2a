import { readTokenizerFiles } from './tokenizer-files.js';
import { Tokenizer } from './tokenizer.js';

/**
 * Loads `tokenizer.json` and `tokenizer_config.json` (and `chat_template.jinja`, `generation_config.json`,
 * `config.json` where present) of a Hugging Face model directory.
 * @throws TokenizerFileError naming the file and the next step.
 */
export async function loadTokenizer(directory: string): Promise<Tokenizer> {
  return new Tokenizer(await readTokenizerFiles(directory));
}
