import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { describe, it, type TestContext } from 'node:test';
import { SystemClock } from '../../../../device/kit/clock.js';
import type { SortbinError } from '../../../../device/kit/errors.js';
import { SimulatedClock } from '../../../../device/kit/simulated-clock.js';
import { makeIoBench } from '../../../support/hardware/io-bench.js';
import { until } from '../../../support/until.js';

const never = new AbortController().signal;

const isAlive = (pid: number | undefined): boolean => {
  try {
    return pid !== undefined && process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('a sortbin-io that does not start', () => {
  type Bench = Awaited<ReturnType<typeof makeIoBench>>;

  const failsToStart = async (test: TestContext, breakIt: (bench: Bench) => unknown, answerMs = 10_000) => {
    const bench = await makeIoBench(test, { clock: new SystemClock(), answerMs });
    await breakIt(bench);
    let thrown: unknown;
    await bench.lines.start(never).catch((error: unknown) => {
      thrown = error;
    });
    const { code, message } = thrown as SortbinError;
    assert.match(message, /sortbin-io/);
    assert.deepEqual(bench.health, []);
    return { code, message };
  };

  it('is named with the fix if it does not exist', async (test) => {
    const { code, message } = await failsToStart(test, ({ fake }) => rm(fake.path));
    assert.equal(code, 'lines-down');
    assert.match(
      message,
      /did not start \(.*ENOENT\)\. Check that \/.*\/sortbin-io exists, is executable, is built for this machine/,
    );
  });

  it('is refused if it uses another protocol', async (test) => {
    const { code, message } = await failsToStart(test, ({ fake }) => {
      fake.versionLine = 'sortbin-io 2 9.9.9';
    });
    assert.equal(code, 'line-unsupported');
    assert.match(message, /9\.9\.9.*protocol 2.*protocol 1/);
  });

  it('is refused if it is another program, or sends nothing', async (test) => {
    const { message } = await failsToStart(test, ({ fake }) => {
      fake.versionLine = 'login:';
    });
    assert.match(message, /sent an invalid line: "login:"/);
    const silent = await failsToStart(
      test,
      ({ fake }) => {
        fake.versionLine = null;
      },
      300,
    );
    assert.match(silent.message, /sortbin-io was not ready within 300 ms/);
  });

  it('is killed when the start is aborted, which rejects with the reason', async (test) => {
    const { lines, fake } = await makeIoBench(test);
    fake.versionLine = null;
    const stop = new AbortController();
    const started = lines.start(stop.signal);
    await until('the process runs', () => fake.starts === 1);
    const { pid } = lines;
    const reason = new Error('stopped');
    stop.abort(reason);
    await assert.rejects(started, (thrown) => thrown === reason);
    await until('the process is gone', () => !isAlive(pid));
  });
});

describe('a sortbin-io that ends', () => {
  it('ends pending commands, restarts with all its lines, and reports levels that changed meanwhile', async (test) => {
    const clock = new SimulatedClock();
    const bench = await makeIoBench(test, { clock });
    const { lid, gate, edges } = await bench.requestLines();
    const requests = bench.fake.commands.filter((words) => /^(in|out) /.test(words));
    const hold = gate.hold(never);
    await until('the gate is on', () => bench.fake.level('gate'));
    process.kill(bench.lines.pid ?? 0, 'SIGKILL');
    const off = await hold;
    assert.equal(off.ok && off.value.reason, 'down');
    await until('the fault is reported', () => bench.health.length === 1);
    assert.match(bench.messages[0] ?? '', /SIGKILL/);
    const refused = await gate.pulse(10, never);
    assert.equal(!refused.ok && refused.fault.code, 'lines-down');
    const unread = await lid.active();
    assert.equal(!unread.ok && unread.fault.code, 'lines-down');
    bench.fake.press('lid', true);
    bench.fake.commands.length = 0;
    await clock.advance(100);
    await until('it runs again', () => bench.health.length === 2);
    assert.deepEqual(bench.health, ['lines-down', null]);
    assert.deepEqual(
      bench.fake.commands.filter((words) => /^(in|out) /.test(words)),
      requests,
    );
    assert.deepEqual(
      edges.map(({ active }) => active),
      [true],
    );
    // The kernel's own event of this edge arrives later. It is not reported twice.
    bench.fake.write(`edge lid ${(edges[0]?.atNs ?? 0n) - 1n} 1 0`);
    bench.fake.press('lid', false);
    await until('the next edge', () => edges.length === 2);
    assert.equal(edges[1]?.active, false);
    const pulse = await gate.pulse(10, never);
    assert.equal(pulse.ok && pulse.value.reason, 'time');
    await bench.close();
    assert.equal(clock.waiting, 0);
  });

  it('restarts after 100 ms, doubled each time, at most 30 s', async (test) => {
    const clock = new SimulatedClock();
    const bench = await makeIoBench(test, { clock });
    await bench.requestLines();
    await rm(bench.fake.path);
    bench.fake.exit();
    for (let attempt = 1; attempt <= 11; attempt++) {
      await until('a restart is scheduled', () => bench.restartDelaysMs.length === attempt);
      await clock.advance(bench.restartDelaysMs[attempt - 1] ?? 0);
    }
    const doubling = [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000];
    assert.deepEqual(bench.restartDelaysMs.slice(0, 11), doubling);
    assert.match(bench.messages.at(-1) ?? '', /ENOENT/);
  });

  it('restarts at once if an output was on, because the kernel may leave it on', async (test) => {
    const clock = new SimulatedClock();
    const bench = await makeIoBench(test, { clock });
    const { gate } = await bench.requestLines();
    for (let time = 1; time <= 6; time++) {
      const hold = gate.hold(never);
      await until('it is on', () => bench.fake.level('gate'));
      bench.fake.exit();
      const off = await hold;
      assert.equal(off.ok && off.value.reason, 'down');
      await clock.advance(0);
      await until('a new process runs', () => bench.health.length === 2 * time);
    }
    assert.deepEqual(bench.restartDelaysMs, [0, 0, 0, 0, 0, 0]);
  });

  it('restarts at once when the outputs are turned off by safe', async (test) => {
    const bench = await makeIoBench(test);
    await bench.requestLines();
    bench.fake.exit();
    await until('the fault is reported', () => bench.health.length === 1);
    await bench.lines.safe();
    assert.deepEqual(bench.health, ['lines-down', null]);
    assert.equal(bench.fake.starts, 2);
  });

  it('exits on close and does not restart', async (test) => {
    const clock = new SimulatedClock();
    const bench = await makeIoBench(test, { clock });
    await bench.requestLines();
    const { pid } = bench.lines;
    assert.equal(isAlive(pid), true);
    await bench.close();
    assert.equal(isAlive(pid), false);
    assert.equal(clock.waiting, 0);
    assert.deepEqual(bench.health, []);
  });
});

describe('a sortbin-io that misbehaves', () => {
  it('is killed if it does not answer in time', async (test) => {
    const bench = await makeIoBench(test, { clock: new SystemClock(), answerMs: 1_000 });
    const { lid, gate } = await bench.requestLines();
    const { pid } = bench.lines;
    bench.fake.respond = (words) => (words === 'get lid' ? 'silence' : 'rules');
    const hold = gate.hold(never);
    const level = await lid.active();
    assert.equal(!level.ok && level.fault.code, 'lines-down');
    const off = await hold;
    assert.equal(off.ok && off.value.reason, 'down');
    assert.match(bench.messages[0] ?? '', /was killed because it did not answer "get lid" within 1000 ms/);
    await until('the process is gone', () => !isAlive(pid));
    bench.fake.respond = () => 'rules';
    await until('it runs again', () => bench.health.at(-1) === null);
  });

  it('is killed if an output does not go off', async (test) => {
    const bench = await makeIoBench(test, { clock: new SystemClock(), answerMs: 1_000 });
    const { gate } = await bench.requestLines();
    bench.fake.respond = (words) => (words.startsWith('off') ? 'ok' : 'rules');
    const abort = new AbortController();
    const hold = gate.hold(abort.signal);
    await until('the gate is on', () => bench.fake.level('gate'));
    abort.abort();
    const off = await hold;
    assert.equal(off.ok && off.value.reason, 'down');
    assert.match(bench.messages[0] ?? '', /did not report that "gate" is off/);
  });

  const invalidLines = ['\u0007', 'edge lid soon 1 0', '999 ok', 'sortbin-io 1 again', 'x'.repeat(500)];
  for (const text of invalidLines) {
    it(`is killed for the invalid line ${JSON.stringify(text.slice(0, 20))}`, async (test) => {
      const bench = await makeIoBench(test);
      const { gate } = await bench.requestLines();
      const hold = gate.hold(never);
      await until('the gate is on', () => bench.fake.level('gate'));
      bench.fake.write(text);
      const off = await hold;
      assert.equal(off.ok && off.value.reason, 'down');
      assert.match(bench.messages[0] ?? '', /sent an invalid line/);
    });
  }
});
