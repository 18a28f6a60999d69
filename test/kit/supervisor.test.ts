import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { type Deferred, deferred } from '../../device/kit/deferred.js';
import { type Answer, done, type Fault, failed } from '../../device/kit/errors.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { Supervisor } from '../../device/kit/supervisor.js';

type FakeProcess = Deferred<Fault> & { readonly name: number };

const never = new AbortController().signal;
const EXITED: Fault = { code: 'died', message: 'exited' };

/** A supervisor of processes that are numbers. `launches` are the attempts, which a test settles. */
const setUp = ({ retryStart = false } = {}) => {
  const clock = new SimulatedClock();
  const launches: (Deferred<Answer<FakeProcess>> & { readonly signal: AbortSignal })[] = [];
  const log: string[] = [];
  const settings = { isUrgent: false };
  const supervisor = new Supervisor<FakeProcess, string>({
    launch: (signal) => {
      const launch = { ...deferred<Answer<FakeProcess>>(), signal };
      signal.addEventListener('abort', () => launch.resolve(failed('died', 'killed')));
      launches.push(launch);
      return launch.promise;
    },
    untilDown: ({ promise }) => promise,
    isUrgent: () => settings.isUrgent,
    onRunning: ({ name }) => log.push(`+${name}`),
    onDown: ({ message }, delayMs, hasRun) =>
      log.push(`${hasRun ? 'exit' : 'failure'} (${message}), ${delayMs} ms`),
    limits: { minMs: 100, maxMs: 400 },
    retryStart,
    resetAfterMs: 1_000,
    clock,
  });
  const succeed = async () => {
    const running = { ...deferred<Fault>(), name: launches.length };
    launches.at(-1)?.resolve(done(running));
    await setImmediate();
    return running;
  };
  const fail = async () => {
    launches.at(-1)?.resolve(failed('refused', 'refused'));
    await setImmediate();
  };
  const exit = async (running: FakeProcess) => {
    running.resolve(EXITED);
    await setImmediate();
  };
  const start = async () => {
    void supervisor.start(never);
    return succeed();
  };
  return { clock, launches, log, settings, supervisor, succeed, fail, exit, start };
};

describe('the first attempt', () => {
  it('returns the process, or its fault without a restart', async () => {
    const { supervisor, launches, log, fail, start } = setUp();
    const started = supervisor.start(never);
    await fail();
    assert.deepEqual(await started, failed('refused', 'refused'));
    assert.equal(supervisor.state().at, 'stopped');
    await start();
    assert.equal(supervisor.state().at, 'running');
    assert.deepEqual([launches.length, log], [2, ['+2']]);
  });

  it('returns its fault and is followed by restarts, if that is requested', async () => {
    const { clock, supervisor, log, fail, succeed } = setUp({ retryStart: true });
    const started = supervisor.start(never);
    await fail();
    assert.deepEqual(await started, failed('refused', 'refused'));
    await clock.advance(100);
    await succeed();
    assert.deepEqual(log, ['failure (refused), 100 ms', '+2']);
  });

  it('is not followed by a restart if its signal was aborted', async () => {
    const { clock, supervisor } = setUp({ retryStart: true });
    const stop = new AbortController();
    const started = supervisor.start(stop.signal);
    stop.abort(new Error('stopped'));
    await assert.rejects(started, /stopped/);
    await setImmediate();
    assert.deepEqual([supervisor.state().at, clock.waiting], ['stopped', 0]);
  });

  it('rejects with the reason of its aborted signal, and aborts the launch', async () => {
    const { supervisor, launches } = setUp();
    const stop = new AbortController();
    const started = supervisor.start(stop.signal);
    stop.abort(new Error('stopped'));
    await assert.rejects(started, /stopped/);
    assert.equal(launches[0]?.signal.aborted, true);
    await setImmediate();
    assert.equal(supervisor.state().at, 'stopped');
  });
});

describe('a restart', () => {
  it('comes after a delay that doubles, until a process has run long enough', async () => {
    const { clock, log, start, succeed, fail, exit } = setUp();
    await exit(await start());
    await clock.advance(100);
    await fail();
    await clock.advance(200);
    await fail();
    await clock.advance(400);
    const second = await succeed();
    await clock.advance(999);
    await exit(second);
    await clock.advance(400);
    const third = await succeed();
    await clock.advance(1_000);
    await exit(third);
    assert.deepEqual(log, [
      '+1',
      'exit (exited), 100 ms',
      'failure (refused), 200 ms',
      'failure (refused), 400 ms',
      '+4',
      'exit (exited), 400 ms',
      '+5',
      'exit (exited), 100 ms',
    ]);
  });

  it('is immediate if it is urgent', async () => {
    const { clock, log, launches, settings, start, exit, succeed } = setUp();
    const first = await start();
    settings.isUrgent = true;
    await exit(first);
    assert.equal(launches.length, 2);
    await succeed();
    assert.deepEqual(log, ['+1', 'exit (exited), 0 ms', '+2']);
    assert.equal(clock.waiting, 0);
  });

  it('can be requested during the delay', async () => {
    const { clock, supervisor, launches, start, exit, succeed } = setUp();
    await exit(await start());
    const restarted = supervisor.restartNow();
    assert.deepEqual([launches.length, clock.waiting], [2, 0]);
    const during = supervisor.restartNow();
    await succeed();
    await Promise.all([restarted, during]);
    assert.equal(launches.length, 2);
  });

  it('does not follow the exit of a process that was replaced', async () => {
    const { supervisor, log, start, exit } = setUp();
    const first = await start();
    const second = { ...deferred<Fault>(), name: 9 };
    supervisor.run(second);
    await exit(first);
    assert.deepEqual(log, ['+1', '+9']);
    await exit(second);
    assert.deepEqual(log.at(-1), 'exit (exited), 100 ms');
  });
});

describe('after close', () => {
  it('nothing is restarted', async () => {
    const { clock, supervisor, launches, start, exit } = setUp();
    const first = await start();
    await supervisor.close();
    await exit(first);
    assert.deepEqual([launches.length, clock.waiting, supervisor.state().at], [1, 0, 'closed']);
  });

  it('an attempt is aborted, and a delay is cancelled', async () => {
    const starting = setUp();
    const started = starting.supervisor.start(never);
    await starting.supervisor.close();
    assert.deepEqual(await started, failed('died', 'killed'));
    assert.equal(starting.supervisor.state().at, 'closed');
    const waiting = setUp();
    await waiting.exit(await waiting.start());
    await waiting.supervisor.close();
    assert.equal(waiting.clock.waiting, 0);
  });
});

describe('a pause', () => {
  it('restarts nothing until it ends, then restarts until an attempt succeeds', async () => {
    const { clock, supervisor, launches, start, exit, fail, succeed } = setUp();
    const process = await start();
    supervisor.pause();
    await exit(process);
    await clock.advance(10_000);
    assert.deepEqual([supervisor.state().at, launches.length], ['paused', 1]);
    const resumed = supervisor.resume();
    assert.equal(launches.length, 2);
    await fail();
    await resumed;
    await clock.advance(100);
    assert.equal(launches.length, 3);
    await succeed();
    assert.equal(supervisor.state().at, 'running');
  });

  it('ends with a close, and is not possible without a process', async () => {
    const { supervisor, launches, start } = setUp();
    supervisor.pause();
    await supervisor.resume();
    assert.deepEqual([supervisor.state().at, launches.length], ['stopped', 0]);
    await start();
    supervisor.pause();
    await supervisor.close();
    await supervisor.resume();
    assert.deepEqual([supervisor.state().at, launches.length], ['closed', 1]);
  });
});
