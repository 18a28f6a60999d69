import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { describe, it, type TestContext } from 'node:test';
import { SystemClock } from '../../../../device/kit/clock.js';
import type { SortbinError } from '../../../../device/kit/errors.js';
import { SimulatedClock } from '../../../../device/kit/simulated-clock.js';
import { ioBench } from '../../../support/io-bench.js';
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
  type Bench = Awaited<ReturnType<typeof ioBench>>;

  const refuses = async (test: TestContext, spoil: (bench: Bench) => unknown, answerMs = 10_000) => {
    const bench = await ioBench(test, { clock: new SystemClock(), answerMs });
    await spoil(bench);
    let thrown: unknown;
    await bench.lines.start().catch((error: unknown) => {
      thrown = error;
    });
    const { code, message } = thrown as SortbinError;
    assert.match(message, /sortbin-io/);
    assert.deepEqual(bench.health, []);
    return { code, message };
  };

  it('is named with the cure where it is not there', async (test) => {
    const { code, message } = await refuses(test, ({ fake }) => rm(fake.path));
    assert.equal(code, 'lines-down');
    assert.match(message, /ENOENT.*executable, built for this machine/);
  });

  it('is refused where it speaks another protocol', async (test) => {
    const { code, message } = await refuses(test, ({ fake }) => {
      fake.greeting = 'sortbin-io 2 9.9.9';
    });
    assert.equal(code, 'line-unsupported');
    assert.match(message, /9\.9\.9.*protocol 2.*protocol 1/);
  });

  it('is refused where it is another program, or says nothing', async (test) => {
    const { message } = await refuses(test, ({ fake }) => {
      fake.greeting = 'login:';
    });
    assert.match(message, /said what it should not: "login:"/);
    const silent = await refuses(
      test,
      ({ fake }) => {
        fake.greeting = null;
      },
      300,
    );
    assert.match(silent.message, /did not greet within 300 ms/);
  });
});

describe('a sortbin-io that ends', () => {
  it('ends what was on, is started again with all its lines, and tells what changed meanwhile', async (test) => {
    const clock = new SimulatedClock();
    const bench = await ioBench(test, { clock });
    const { lid, gate, edges } = await bench.take();
    const requests = bench.fake.heard.filter((words) => /^(in|out) /.test(words));
    const hold = gate.hold(never);
    await until('the gate is on', () => bench.fake.level('gate'));
    process.kill(bench.lines.pid ?? 0, 'SIGKILL');
    const off = await hold;
    assert.equal(off.ok && off.value.reason, 'down');
    await until('it is told', () => bench.health.length === 1);
    assert.match(bench.messages[0] ?? '', /SIGKILL/);
    const refused = await gate.pulse(10, never);
    assert.equal(!refused.ok && refused.fault.code, 'lines-down');
    const unread = await lid.active();
    assert.equal(!unread.ok && unread.fault.code, 'lines-down');
    bench.fake.press('lid', true);
    bench.fake.heard.length = 0;
    await clock.advance(100);
    await until('it is back', () => bench.health.length === 2);
    assert.deepEqual(bench.health, ['lines-down', null]);
    assert.deepEqual(
      bench.fake.heard.filter((words) => /^(in|out) /.test(words)),
      requests,
    );
    assert.deepEqual(
      edges.map(({ active }) => active),
      [true],
    );
    // The kernel's own word for it, read by nobody so far.
    bench.fake.say(`edge lid ${(edges[0]?.atNs ?? 0n) - 1n} 1 0`);
    bench.fake.press('lid', false);
    await until('the next edge', () => edges.length === 2);
    assert.equal(edges[1]?.active, false);
    const pulse = await gate.pulse(10, never);
    assert.equal(pulse.ok && pulse.value.reason, 'time');
    await bench.close();
    assert.equal(clock.waiting, 0);
  });

  it('is started again after 100 ms, doubling up to 30 s', async (test) => {
    const clock = new SimulatedClock();
    const bench = await ioBench(test, { clock });
    await bench.take();
    await rm(bench.fake.path);
    bench.fake.leave();
    for (let attempt = 1; attempt <= 11; attempt++) {
      await until('it rests', () => bench.rests.length === attempt);
      await clock.advance(bench.rests[attempt - 1] ?? 0);
    }
    const doubling = [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000];
    assert.deepEqual(bench.rests.slice(0, 11), doubling);
    assert.match(bench.messages.at(-1) ?? '', /ENOENT/);
  });

  it('is started again at once where something was on, since a kernel may have left it on', async (test) => {
    const clock = new SimulatedClock();
    const bench = await ioBench(test, { clock });
    const { gate } = await bench.take();
    for (let time = 1; time <= 6; time++) {
      const hold = gate.hold(never);
      await until('it is on', () => bench.fake.level('gate'));
      bench.fake.leave();
      const off = await hold;
      assert.equal(off.ok && off.value.reason, 'down');
      await clock.advance(0);
      await until('another one serves', () => bench.health.length === 2 * time);
    }
    assert.deepEqual(bench.rests, [0, 0, 0, 0, 0, 0]);
  });

  it('is started at once where the outputs are to be made safe', async (test) => {
    const bench = await ioBench(test);
    await bench.take();
    bench.fake.leave();
    await until('it is told', () => bench.health.length === 1);
    await bench.lines.safe();
    assert.deepEqual(bench.health, ['lines-down', null]);
    assert.equal(bench.fake.lives, 2);
  });

  it('is ended by close, and is not started again', async (test) => {
    const clock = new SimulatedClock();
    const bench = await ioBench(test, { clock });
    await bench.take();
    const { pid } = bench.lines;
    assert.equal(isAlive(pid), true);
    await bench.close();
    assert.equal(isAlive(pid), false);
    assert.equal(clock.waiting, 0);
    assert.deepEqual(bench.health, []);
  });
});

describe('a sortbin-io that misbehaves', () => {
  it('is killed where it gives no answer in time', async (test) => {
    const bench = await ioBench(test, { clock: new SystemClock(), answerMs: 1_000 });
    const { lid, gate } = await bench.take();
    const { pid } = bench.lines;
    bench.fake.manners = (words) => (words === 'get lid' ? 'silence' : 'rules');
    const hold = gate.hold(never);
    const level = await lid.active();
    assert.equal(!level.ok && level.fault.code, 'lines-down');
    const off = await hold;
    assert.equal(off.ok && off.value.reason, 'down');
    assert.match(bench.messages[0] ?? '', /no answer to "get lid" within 1000 ms/);
    await until('it is dead', () => !isAlive(pid));
    bench.fake.manners = () => 'rules';
    await until('it is back', () => bench.health.at(-1) === null);
  });

  it('is killed where an output does not go off', async (test) => {
    const bench = await ioBench(test, { clock: new SystemClock(), answerMs: 1_000 });
    const { gate } = await bench.take();
    bench.fake.manners = (words) => (words.startsWith('off') ? 'ok' : 'rules');
    const abort = new AbortController();
    const hold = gate.hold(abort.signal);
    await until('the gate is on', () => bench.fake.level('gate'));
    abort.abort();
    const off = await hold;
    assert.equal(off.ok && off.value.reason, 'down');
    assert.match(bench.messages[0] ?? '', /did not say that "gate" is off/);
  });

  const nonsense = ['\u0007', 'edge lid soon 1 0', '999 ok', 'sortbin-io 1 again', 'x'.repeat(500)];
  for (const text of nonsense) {
    it(`is killed for ${JSON.stringify(text.slice(0, 20))}`, async (test) => {
      const bench = await ioBench(test);
      const { gate } = await bench.take();
      const hold = gate.hold(never);
      await until('the gate is on', () => bench.fake.level('gate'));
      bench.fake.say(text);
      const off = await hold;
      assert.equal(off.ok && off.value.reason, 'down');
      assert.match(bench.messages[0] ?? '', /said what it should not/);
    });
  }
});
