import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../../device/kit/root.js';
import { EXIT, EXIT_MEANINGS } from '../../../device/tools/cli/failure.js';

const MAIN = fileURLToPath(new URL('../../../device/tools/cli/main.js', import.meta.url));

/** Runs the command line tool. `openFiles`: its limit of open files. */
const run = (args: readonly string[], openFiles = 1024) => {
  const script = 'ulimit -n "$1" && shift && exec "$@"';
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script, 'sh', `${openFiles}`, MAIN, ...args], {
    encoding: 'utf8',
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
  });
  return { status, stdout, stderr };
};

describe('exit codes', () => {
  it('are the same in the code, in the help, and in the table of docs/troubleshooting.md', () => {
    const page = readFileSync(join(packageRoot(), 'docs/troubleshooting.md'), 'utf8');
    const table = page.slice(page.indexOf('## Exit codes'));
    const documented = [...table.matchAll(/^\| (\d+) +\|/gm)].map(([, code]) => Number(code));
    assert.deepEqual(documented, Object.keys(EXIT_MEANINGS).map(Number));
    for (const code of Object.values(EXIT)) assert.ok(documented.includes(code), `${code}`);
    const help = run(['--help']);
    assert.equal(help.status, 0);
    for (const [code, meaning] of Object.entries(EXIT_MEANINGS))
      assert.ok(help.stdout.includes(`  ${code.padEnd(3)} ${meaning}\n`), help.stdout);
    assert.match(help.stdout, /docs\/troubleshooting\.md/);
  });

  it('are 64 for a command line that is not valid', () => {
    const lines = [
      '',
      '--wrong',
      'wrong',
      'run --wrong',
      'emptied',
      'config',
      'events --last x',
      'model show a b',
    ];
    for (const line of lines) {
      const { status, stderr } = run(line.split(' ').filter((word) => word !== ''));
      assert.equal(status, EXIT.usage, `${line}: ${stderr}`);
      assert.match(stderr, /^error: |^Usage: /, line);
    }
  });

  it('are 71, with one line that names the limit, if there are too many open files', () => {
    // Where Node.js reaches the limit depends on time. It names the limit, or a package that it could not open.
    for (const openFiles of [22, 24, 26, 30]) {
      const { status, stderr } = run(['config', 'schema'], openFiles);
      assert.equal(status, EXIT.system, stderr);
      assert.match(stderr, /^sortbin: .*too many open files.* [Rr]aise the limit of open files, .*\n$/);
    }
  });
});
