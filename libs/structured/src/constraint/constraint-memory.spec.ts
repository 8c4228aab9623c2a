import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { schemaFormat } from '../testing/any-schema.js';
import { randomPick } from '../testing/generate-text.js';
import { smallVocabulary } from '../testing/small-vocabulary.js';
import { ConstraintCompiler } from './constraint-compiler.js';

/** Tokens of up to eight letters. */
function largeVocabulary() {
  const pick = randomPick(1);
  const letters = Array.from({ length: 26 }, (_, at) => at);
  const word = () =>
    Array.from({ length: 1 + (pick(letters) % 8) }, () => String.fromCodePoint(0x61 + pick(letters))).join(
      '',
    );
  return smallVocabulary(Array.from({ length: 8_000 }, word));
}

const MIB = 1024 * 1024;
const LIMITS = { grammarBytes: 16 * MIB, tokenBytes: 4 * MIB };

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

function usedBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

it('2,000 constraints of as many schemas leave the memory flat, and what is kept within its bounds', () => {
  const vocabulary = largeVocabulary();
  const compiler = new ConstraintCompiler(vocabulary, LIMITS);
  const run = (first: number, last: number) => {
    for (let number = first; number < last; number += 1) {
      const string = { type: 'string', maxLength: 8 + (number % 50) };
      const properties = { [`p${number}`]: string, list: { type: 'array', items: string } };
      const format = schemaFormat({ type: 'object', properties, required: Object.keys(properties) });
      const constraint = compiler.compile({ kind: 'format', format })?.create();
      if (constraint === undefined) throw new Error('No constraint');
      // As a job that is cancelled: the text stays open.
      for (const byte of Buffer.from(`{"p${number}": "ab`)) {
        constraint.allowedTokens(100);
        constraint.accept(vocabulary.bytesOf.findIndex((bytes) => bytes?.length === 1 && bytes[0] === byte));
      }
      constraint.allowedTokens(100);
      constraint.close();
    }
  };
  run(0, 500);
  const before = usedBytes();
  run(500, 2500);
  // Measured: 2 MiB less. What is kept without the bounds grows by 65 MiB.
  expect((usedBytes() - before) / MIB).toBeLessThan(6);
  // The value kept last may stand above the limit alone.
  expect(compiler.keptBytes.tokenBytes).toBeLessThanOrEqual(LIMITS.tokenBytes);
  expect(compiler.keptBytes.grammarBytes).toBeLessThanOrEqual(LIMITS.grammarBytes);
});
