import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { chooseRunMode, modelFileBytes } from './run-mode.js';

it('a step of a small model blocks, its long prompts and every step of a large model do not', () => {
  const small = 2_400_000;
  const large = 700_000_000;
  expect(chooseRunMode(small, 2)).toBe('blocking');
  expect(chooseRunMode(small, 500)).toBe('background');
  expect(chooseRunMode(large, 1)).toBe('background');
});

it('external data counts to the size of a model, other files do not', () => {
  const folder = mkdtempSync(join(tmpdir(), 'drover-run-mode-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'model.onnx'), Buffer.alloc(10));
  writeFileSync(join(folder, 'model.onnx.data'), Buffer.alloc(200));
  writeFileSync(join(folder, 'tokenizer.json'), Buffer.alloc(3000));
  expect(modelFileBytes(join(folder, 'model.onnx'))).toBe(210);
});
