import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proseOf } from './prose.js';
import { findIn } from './rules.js';

const findings = (name: string, text: string): string[] =>
  proseOf(name, text)
    .flatMap(findIn)
    .map(({ line, message }) => `${line}: ${message}`);

const LONG = `${'word '.repeat(25)}end.`;

test('finds a word that the project does not use in each kind of file', () => {
  const found = ['1: "anew": write again'];
  assert.deepEqual(findings('a.md', 'It starts anew.'), found);
  assert.deepEqual(findings('a.ts', '// It starts anew.\nconst a = 1;'), found);
  assert.deepEqual(findings('a.ts', '/** It starts anew. */\nconst a = 1;'), found);
  assert.deepEqual(findings('a.ts', "throw new Error('it starts anew');"), found);
  assert.deepEqual(findings('a.ts', ['log(`$', '{name}: it starts anew`);'].join('')), found);
  assert.deepEqual(findings('a.py', '# It starts anew.\nA = 1\n'), found);
  assert.deepEqual(findings('a.py', '"""It starts anew."""\n'), found);
  assert.deepEqual(findings('a.py', 'raise Error("it starts anew")\n'), found);
  assert.deepEqual(findings('a.c', '/* It starts anew. */\n'), found);
  assert.deepEqual(findings('a.sh', 'true\n# It starts anew.\n'), ['2: "anew": write again']);
});

test('leaves code alone', () => {
  assert.deepEqual(findings('a.md', 'See `anew`.\n\n```sh\nanew\n```\n'), []);
  assert.deepEqual(findings('a.ts', "const anew = 'anew'; // See `anew`."), []);
  assert.deepEqual(findings('a.c', '#include "anew.h"\n'), []);
});

test('finds a long sentence, also over several lines of a comment', () => {
  const found = '1: 26 words, at most 25: "word word word word word word word word word word word word ..."';
  assert.deepEqual(findings('a.md', LONG), [found]);
  assert.deepEqual(findings('a.ts', `// ${LONG.slice(0, 60)}\n// ${LONG.slice(60)}\nconst a = 1;`), [found]);
  assert.deepEqual(findings('a.ts', `/**\n * ${LONG}\n */\nconst a = 1;`), [found]);
});

test('counts each sentence alone', () => {
  const half = `${'Word '.repeat(13).trim()}.`;
  assert.deepEqual(findings('a.md', `${half} ${half} "${half}" \`code\` ${half}`), []);
  assert.deepEqual(findings('a.ts', `/** ${half} ${half}\n * @throws Error if ${half} */\nconst a = 1;`), []);
});

test('finds a long table cell', () => {
  const table = (cell: string) => `| a | b |\n| - | - |\n| 1 | ${cell} |\n`;
  assert.deepEqual(findings('a.md', table('x'.repeat(100))), []);
  assert.deepEqual(findings('a.md', table('x'.repeat(101))), [
    '3: table cell of 101 characters, at most 100',
  ]);
  assert.deepEqual(findings('a.md', table(`[x](${'y'.repeat(101)})`)), []);
});
