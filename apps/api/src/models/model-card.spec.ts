import { expect, it } from 'vitest';
import { parseModelCard } from './model-card.js';

it('takes the licence from the front matter and the limits from their section', () => {
  const card = [
    '---',
    'library_name: onnx',
    'license: apache-2.0',
    '---',
    '# Tiny',
    'A small model.',
    '',
    '## Limits',
    '',
    'Knows little and',
    'is often wrong.',
    '',
    'More words.',
    '## Use',
  ].join('\n');
  expect(parseModelCard(card)).toEqual({ licence: 'apache-2.0', limits: 'Knows little and is often wrong.' });
});

it('says nothing that the card does not', () => {
  expect(parseModelCard('# Tiny\n\nlicense: none of this\n')).toEqual({ licence: null, limits: null });
  expect(parseModelCard('')).toEqual({ licence: null, limits: null });
});
