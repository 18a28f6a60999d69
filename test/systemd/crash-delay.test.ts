import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { packageRoot } from '../../device/kit/root.js';

const SCRIPT = join(packageRoot(), 'systemd', 'sortbin-crash-delay');

/** Doubles of `sleep`, which prints its time, and of `cut`, which prints the uptime. */
const setUp = (t: TestContext) => {
  const folder = mkdtempSync(join(tmpdir(), 'sortbin-crash-delay-'));
  t.after(() => rmSync(folder, { recursive: true }));
  let uptimeS = 1_000;
  const program = (name: string, text: string) => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  program('sleep', 'echo "slept $1"');
  const run = (words: readonly string[], environment: Record<string, string> = {}) => {
    program('cut', `echo ${uptimeS}`);
    const PATH = `${folder}${delimiter}${process.env.PATH}`;
    const env = { PATH, RUNTIME_DIRECTORY: folder, ...environment };
    const { status, stdout, stderr } = spawnSync(SCRIPT, words, { encoding: 'utf8', env });
    return { status, stdout, stderr };
  };
  return {
    folder,
    run,
    /** Returns the delay of a start, in seconds. */
    start: () => {
      const { status, stdout, stderr } = run(['start']);
      assert.deepEqual([status, stderr], [0, '']);
      return Number(/slept (\d+)/.exec(stdout)?.[1] ?? 0);
    },
    stop: (afterS: number, result: string) => {
      uptimeS += afterS;
      assert.deepEqual(run(['stop'], { SERVICE_RESULT: result }), { status: 0, stdout: '', stderr: '' });
    },
  };
};

describe('sortbin-crash-delay', () => {
  it('delays the start after crashes in a row, by five minutes at most', (t) => {
    const { start, stop } = setUp(t);
    const delaysS: number[] = [];
    for (let run = 0; run < 10; run += 1) {
      delaysS.push(start());
      stop(20, 'watchdog');
    }
    assert.deepEqual(delaysS, [0, 0, 0, 10, 30, 60, 120, 300, 300, 300]);
  });

  it('forgets the crashes after a run of ten minutes, or one that did not fail', (t) => {
    const { start, stop } = setUp(t);
    const crash = (times: number) => {
      for (let time = 0; time < times; time += 1) {
        start();
        stop(1, 'signal');
      }
    };
    crash(4);
    assert.equal(start(), 30);
    stop(600, 'signal');
    assert.equal(start(), 0);
    stop(599, 'exit-code');
    crash(3);
    assert.equal(start(), 30);
    stop(1, 'success');
    assert.equal(start(), 0);
  });

  it('tells why the start is late', (t) => {
    const { run, folder } = setUp(t);
    writeFileSync(join(folder, 'crashes'), '3\n');
    assert.match(
      run(['start']).stdout,
      /failed 3 times in a row within 10 minutes\. The next start is in 10 s\./,
    );
  });

  it('counts a start that failed before the first run', (t) => {
    const { run, folder } = setUp(t);
    assert.equal(run(['stop'], { SERVICE_RESULT: 'exit-code' }).status, 0);
    assert.ok(existsSync(join(folder, 'crashes')));
  });

  it('refuses other words', (t) => {
    const { run } = setUp(t);
    assert.equal(run([]).status, 64);
  });
});
