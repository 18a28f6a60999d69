import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { bashCompletions, fishCompletions } from '../../../deploy/package/completions.js';
import { manPage } from '../../../deploy/package/man-page.js';
import { makeProgram } from '../../../device/tools/cli/program.js';

const PROGRAM = await makeProgram();

/** Returns what bash proposes for the last word of a command line. */
const complete = (...words: string[]): string[] => {
  const script = `${bashCompletions(PROGRAM)}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sortbin; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script, 'bash', 'sortbin', ...words], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line !== '');
};

describe('completions', () => {
  it('propose the commands, the commands below them and their options', () => {
    assert.deepEqual(complete('conf'), ['config']);
    assert.deepEqual(complete('config', 'in'), ['init']);
    assert.deepEqual(complete('doctor', '--j'), ['--json']);
    assert.ok(complete('run', '-').includes('--config'));
  });

  it('propose the values of an option that has choices', () => {
    assert.deepEqual(complete('doctor', '--runtime', 'edge'), ['edgetpu']);
  });

  it('propose files if nothing else fits', () => {
    assert.deepEqual(complete('run', '--config', 'some'), []);
  });

  it('contain every command for fish too', () => {
    const text = fishCompletions(PROGRAM);
    for (const { name } of PROGRAM.commands.map((command) => ({ name: command.name() })))
      assert.match(text, new RegExp(` -f -a ${name} `));
  });
});

describe('the page of man', () => {
  it('contains every command, option and exit code, and escapes hyphens', () => {
    const page = manPage(PROGRAM, '1.2.3', '2026-11-30');
    assert.match(page, /^\.TH SORTBIN 1 "2026-11-30" "sortbin 1\.2\.3"/);
    for (const text of ['sortbin config check', 'sortbin doctor', '\\-\\-runtime', '.B 78', 'SORTBIN_CONFIG'])
      assert.ok(page.includes(text), text);
    assert.doesNotMatch(page, /[^\\]--/);
  });
});
