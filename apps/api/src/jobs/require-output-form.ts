import { DroverError, type JobInput } from '#contracts';
import { checkForm, specOfJob, type CheckedForm, type TokenSpelling } from '#structured';

/** Longest shortest text that is cut into tokens here, in a few milliseconds; of longer ones the worker says it. */
const MOST_SPELLED_BYTES = 8_192;

/**
 * Refuses a job whose text could not be held to the form it asks for; takes a few milliseconds. Null where every text
 * will do.
 * @throws DroverError `invalid_value` naming the field and what is wrong or not supported
 */
export function requireOutputForm(input: JobInput): CheckedForm | null {
  return checkForm(specOfJob(input));
}

/** Whether the form may need more tokens than that: one a byte of its shortest text and one to end are enough. */
export function mayExceed({ shortestBytes }: CheckedForm, maxTokens: number): boolean {
  return shortestBytes + 1 > maxTokens && shortestBytes <= MOST_SPELLED_BYTES;
}

/**
 * @param maxTokens of one text
 * @throws DroverError `invalid_value` where no text of the form fits, with the numbers
 */
export function requireRoomForForm(form: CheckedForm, maxTokens: number, spelling: TokenSpelling): void {
  const fewestTokens = form.fewestTokens(spelling);
  if (fewestTokens <= maxTokens) return;
  throw new DroverError(
    'invalid_value',
    `The shortest text of the asked form takes ${fewestTokens} tokens, and the job may generate ${maxTokens}. ` +
      'Raise `max_tokens`, or shorten the prompt where the context leaves no more.',
    { param: 'input.max_tokens' },
  );
}
