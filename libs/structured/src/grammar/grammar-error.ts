/** A language that cannot be matched: too large, too ambiguous, or without a text of finite length. */
export class GrammarError extends Error {
  override readonly name = 'GrammarError';
}
