import { DroverError, type ResponseFormat } from '#contracts';
import { GrammarError } from './grammar/grammar-error.js';
import { choice, type GrammarNode, text } from './grammar/grammar-node.js';
import { Recogniser } from './grammar/recogniser.js';
import { ANY_OBJECT } from './json/json-grammar.js';
import { convertSchema } from './json-schema/convert-schema.js';
import { schemaError } from './json-schema/schema-error.js';
import { parseRegex } from './regex/parse-regex.js';
import { RegexError } from './regex/regex-reader.js';

/** A form that restricts the text. */
export type RestrictingFormat = Exclude<ResponseFormat, { type: 'text' }>;

const PATH = 'input.response_format';

/**
 * The grammar of a response format.
 * @throws DroverError `invalid_value` naming the field and what is wrong or not supported
 */
export function formatGrammar(format: RestrictingFormat): GrammarNode {
  switch (format.type) {
    case 'json_object':
      return ANY_OBJECT;
    case 'json_schema':
      return convertSchema(format.json_schema.schema, `${PATH}.json_schema.schema`);
    case 'regex':
      return regexGrammar(format.pattern);
    case 'choice':
      return choiceGrammar(format.choices);
    default:
      return format satisfies never;
  }
}

/** Which part of a response format a grammar's error is about. */
export function fieldOf(format: RestrictingFormat): string {
  switch (format.type) {
    case 'json_object':
      return PATH;
    case 'json_schema':
      return `${PATH}.json_schema.schema`;
    case 'regex':
      return `${PATH}.pattern`;
    case 'choice':
      return `${PATH}.choices`;
    default:
      return format satisfies never;
  }
}

/** @throws DroverError `invalid_value` where the grammar is too large, or no text matches */
export function buildRecogniser(grammar: GrammarNode, field: string): Recogniser {
  try {
    return new Recogniser(grammar);
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error;
    throw new DroverError('invalid_value', `${field} ${error.message}.`, { param: field, cause: error });
  }
}

function regexGrammar(pattern: string): GrammarNode {
  try {
    return parseRegex(pattern, 'whole');
  } catch (error) {
    if (error instanceof RegexError) throw schemaError(`${PATH}.pattern`, error.message);
    throw error;
  }
}

function choiceGrammar(choices: readonly string[]): GrammarNode {
  const broken = choices.findIndex((value) => !value.isWellFormed());
  if (broken !== -1) throw schemaError(`${PATH}.choices[${broken}]`, 'holds half of a character');
  return choice(...choices.map(text));
}
