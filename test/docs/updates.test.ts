import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { packageRoot } from '../../device/kit/root.js';
import { inFolder } from '../support/sortbin.js';

const PORT = 8931;

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

/** Runs a script in a separate process group, which is killed at the end. Returns its output. */
const runScript = (t: TestContext, script: string): Promise<string> =>
  new Promise((resolve) => {
    const child = spawn('bash', ['-O', 'expand_aliases', '-c', script], {
      cwd: packageRoot(),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const end = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // No process of the group is left.
      }
    };
    t.after(end);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    child.on('exit', () => {
      end();
      resolve(output);
    });
  });

it('the quick start of docs/updates.md shows a bin that takes a new model', { timeout: 180_000 }, (t) =>
  inFolder('', async (folder) => {
    const page = readFileSync(join(packageRoot(), 'docs/updates.md'), 'utf8');
    const [, block = ''] = /## Quick start[\s\S]*?```sh\n([\s\S]*?)```/.exec(page) ?? [];
    assert.equal(block.trim().split('\n').length, 10);
    const port = await freePort();
    const output = await runScript(
      t,
      block.replaceAll('/tmp/try', join(folder, 'try')).replaceAll(`${PORT}`, `${port}`),
    );
    assert.match(output, /^waste12@9\.0\.0 is active$/m, output);
    assert.match(output, /^waste12@9\.0\.0 .* active, under watch$/m, output);
    assert.match(output, /^waste12@1\.\d+\.\d+ .* factory$/m, output);
  }),
);
