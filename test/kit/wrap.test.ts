import assert from 'node:assert/strict';
import { it } from 'node:test';
import { wrapText } from '../../device/kit/wrap.js';

it('wraps each line of a text at spaces, and keeps its indentation', () => {
  const text = `one two three four five six seven eight\n    a line with an indent of 4 spaces, and ${'x'.repeat(40)}`;
  assert.deepEqual(wrapText(text, 36), [
    'one two three four five six seven',
    'eight',
    '    a line with an indent of 4',
    '    spaces, and',
    `    ${'x'.repeat(40)}`,
  ]);
});

it('keeps an empty line', () => {
  assert.deepEqual(wrapText('a\n\nb', 80), ['a', '', 'b']);
});
