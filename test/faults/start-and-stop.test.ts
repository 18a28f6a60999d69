import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import { RoughBroker } from '../support/network/rough-broker.js';
import { isRunning, visionOf } from '../support/processes.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';

const QUICK =
  'vision: { driver: simulated, script: [{ label: paper }] }\ntrigger: { script: [] }\nmqtt: { embedded: { port: 0 } }\n';

describe('a signal during the start', () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    it(`ends a bin whose vision process hangs: ${signal}`, () =>
      inFolder('mqtt: { embedded: { port: 0 } }\nvision: { startMs: 600000 }\n', async (folder) => {
        const bin = new Sortbin(['run'], folder);
        let vision = 0;
        await until(
          () => `the vision process was started. The output is:\n${bin.text}`,
          () => {
            vision = visionOf(bin.pid) ?? 0;
            return vision > 0;
          },
          30_000,
        );
        process.kill(vision, 'SIGSTOP');
        // The vision process starts before the rest of the bin.
        await until(
          () => `the journal was opened. The output is:\n${bin.text}`,
          () => existsSync(join(folder, 'data/journal.db')),
          30_000,
        );
        bin.kill(signal);
        assert.equal(await bin.ended(), 0);
        assert.deepEqual(
          bin.lines.slice(-2).map(({ msg, reason }) => [msg, reason]),
          [
            ['stop requested', signal],
            ['stopped', undefined],
          ],
        );
        assert.deepEqual(
          bin.lines.filter(({ level }) => level > 30),
          [],
        );
        assert.equal(bin.stderr, '');
        assert.equal(isRunning(vision), false, 'the vision process was killed');
      }));
});

describe('a second signal', () => {
  it('ends a bin that is stopping at once', async () => {
    const broker = new RoughBroker();
    await broker.start();
    const config = `${QUICK.replace('{ embedded: { port: 0 } }', `{ url: "${broker.url}" }`)}`;
    await inFolder(config, async (folder) => {
      const bin = new Sortbin(['run'], folder);
      await bin.waitForLog(/^connected to the broker/);
      // The bin waits for the PUBACK of "offline".
      broker.holdAcks();
      bin.kill('SIGINT');
      await bin.waitForLog(/^stop requested$/);
      bin.kill('SIGINT');
      assert.equal(await bin.ended(), 130);
      assert.equal(bin.lines.at(-1)?.msg, 'second signal received, process exited');
    });
    await broker.stop();
  });
});

describe('a stop while another program has locked the journal', () => {
  const stopLocked = (use: (bin: Sortbin) => Promise<void>) =>
    inFolder(QUICK, async (folder) => {
      const bin = new Sortbin(['run'], folder);
      await bin.waitForCommands();
      const other = new DatabaseSync(join(folder, 'data', 'journal.db'));
      try {
        other.exec('BEGIN IMMEDIATE');
        bin.kill('SIGTERM');
        await bin.waitForLog(/^stop requested$/);
        await use(bin);
      } finally {
        other.close();
      }
    });

  it('does not wait for the lock, and says so', () =>
    stopLocked(async (bin) => {
      assert.equal(await bin.ended(), 0);
      assert.equal(bin.stderr, '');
      const warnings = bin.lines.filter(({ level }) => level > 30).map(({ msg }) => msg);
      assert.match(warnings.join('\n'), /^journal: not stopped: no answer within \d+ ms$/);
      assert.equal(bin.lines.at(-1)?.msg, 'stopped');
    }));

  it('ends at a second signal', () =>
    stopLocked(async (bin) => {
      // The journal waits for the lock.
      await wait(500);
      bin.kill('SIGTERM');
      assert.equal(await bin.ended(), 143);
      assert.equal(bin.stderr, '');
    }));
});

describe('a hang-up', () => {
  it('stops a running bin in order', () =>
    inFolder(QUICK, async (folder) => {
      const bin = new Sortbin(['run'], folder);
      await bin.waitForLog(/^connected to the broker/);
      bin.kill('SIGHUP');
      assert.equal(await bin.ended(), 0);
      assert.equal(bin.lines.at(-1)?.msg, 'stopped');
    }));
});

/** Makes the runner of a bin throw from SIGUSR2 on, each time that it reads the clock. */
const BREAK_THE_RUNNER = `process.on('SIGUSR2', () => {
  const read = process.hrtime.bigint;
  process.hrtime.bigint = () => {
    if (new Error().stack.includes('cycle/runner')) throw new Error('a broken runner');
    return read();
  };
});`;

describe('an internal error of the cycle', () => {
  it('ends the bin with exit code 70, and the next run sorts again', () =>
    inFolder(
      `${QUICK.replace('script: []', 'script: [{ afterMs: 200 }]')}gate: { moveMs: 20 }\n`,
      async (folder) => {
        const preload = `--import data:text/javascript,${encodeURIComponent(BREAK_THE_RUNNER)}`;
        const bin = new Sortbin(['run'], folder, { NODE_OPTIONS: preload });
        await bin.waitForLog(/^item sorted$/);
        bin.kill('SIGUSR2');
        assert.equal(await bin.ended(), 70);
        await bin.waitForLog(/^internal error, the bin stops$/);
        assert.match(bin.stderr, /Error: a broken runner\n {4}at /);
        assert.equal(bin.lines.at(-1)?.msg, 'stopped');

        const next = new Sortbin(['run'], folder);
        await next.waitForLog(/^item sorted$/);
        next.kill('SIGTERM');
        assert.equal(await next.ended(), 0);
      },
    ));
});
