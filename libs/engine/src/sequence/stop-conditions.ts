import type { GenerationFinish } from './generation-request.js';

/** What decides whether a token ends its sequence. */
export interface StopRules {
  readonly maxTokens: number;
  readonly minTokens: number;
  readonly stopTokenIds: readonly number[];
}

export type StopReason = 'stop-token' | 'stop-string' | 'complete' | 'max-tokens';

/** What the text with the newest token has come to. */
export interface TextState {
  readonly foundStopString: boolean;
  /** The constraint's document is whole: nothing can follow it, however few tokens there are. */
  readonly completedConstraint: boolean;
}

/**
 * Why a sequence ends with this token; null where it goes on.
 * @param generatedCount tokens generated, this one included
 */
export function stopReasonOf(
  rules: StopRules,
  tokenId: number,
  generatedCount: number,
  { foundStopString, completedConstraint }: TextState,
): StopReason | null {
  if (isStopToken(rules, tokenId)) return 'stop-token';
  if (foundStopString) return 'stop-string';
  if (completedConstraint) return 'complete';
  return generatedCount >= rules.maxTokens ? 'max-tokens' : null;
}

/** Stop tokens end the text and are not part of it. */
export function isStopToken(rules: StopRules, tokenId: number): boolean {
  return rules.stopTokenIds.includes(tokenId);
}

const NONE: readonly number[] = [];

/** Tokens that must not be generated next: the stop tokens, until `minTokens` are there. */
export function bannedTokenIds(rules: StopRules, generatedCount: number): readonly number[] {
  return generatedCount < rules.minTokens ? rules.stopTokenIds : NONE;
}

export function finishOf(reason: StopReason): GenerationFinish {
  switch (reason) {
    case 'stop-token':
    case 'stop-string':
    case 'complete':
      return 'stop';
    case 'max-tokens':
      return 'length';
    default:
      return reason satisfies never;
  }
}
