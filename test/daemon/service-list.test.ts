import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { ServiceList } from '../../device/daemon/service-list.js';
import { untilAborted } from '../../device/kit/deadline.js';
import type { Service } from '../../device/kit/service.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';

const setup = () => {
  const clock = new SimulatedClock();
  const calls: string[] = [];
  const warnings: string[] = [];
  const log = pino({}, { write: (line: string) => warnings.push(JSON.parse(line).msg) });
  const services = new ServiceList({ stopMs: 1_000, clock, log });
  const service = (name: string, replaced: Partial<Service> = {}): Service => ({
    name,
    start: async (signal) => {
      calls.push(`start ${name}`);
      await replaced.start?.(signal);
    },
    stop: async () => {
      calls.push(`stop ${name}`);
      await replaced.stop?.();
    },
  });
  const stopping = new AbortController();
  const { signal } = stopping;
  return { clock, calls, warnings, services, service, stopping, signal };
};

type Closable = { close(): Promise<void> };

const never = () => new Promise<never>(() => {});

describe('the list of services', () => {
  it('stops the services in the reverse order of their start', async () => {
    const { calls, services, service, signal } = setup();
    await services.start(service('a'), signal);
    await services.start(service('b'), signal);
    await services.stop();
    await services.stop();
    assert.deepEqual(calls, ['start a', 'start b', 'stop b', 'stop a']);
  });

  it('stops a service whose start has failed, and those before it', async () => {
    const { calls, services, service, signal } = setup();
    await services.start(service('a'), signal);
    const broken = service('b', { start: () => Promise.reject(new Error('no such line')) });
    await assert.rejects(services.start(broken, signal), /no such line/);
    await services.stop();
    assert.deepEqual(calls.slice(2), ['stop b', 'stop a']);
  });

  it('aborts a start that hangs as soon as the signal is aborted', async () => {
    const { calls, services, service, stopping, signal } = setup();
    const started = services.start(service('a', { start: never }), signal);
    stopping.abort(new Error('SIGTERM'));
    await assert.rejects(started, /SIGTERM/);
    await assert.rejects(services.start(service('b'), signal), /SIGTERM/);
    await services.stop();
    assert.deepEqual(calls, ['start a', 'stop a']);
  });

  it('continues after a service that does not stop, and waits for none beyond the deadline', async () => {
    const { clock, calls, warnings, services, service, signal } = setup();
    await services.start(service('a', { stop: never }), signal);
    await services.start(service('b', { stop: never }), signal);
    await services.start(service('c', { stop: () => Promise.reject(new Error('it is stuck')) }), signal);
    let isStopped = false;
    void services.stop().then(() => {
      isStopped = true;
    });
    await clock.advance(999);
    assert.equal(isStopped, false);
    await clock.advance(1);
    assert.equal(isStopped, true);
    assert.deepEqual(calls.slice(3), ['stop c', 'stop b', 'stop a']);
    assert.deepEqual(warnings, [
      'c: not stopped: it is stuck',
      'b: not stopped: no answer within 1000 ms',
      'a: not stopped: no answer within 1000 ms',
    ]);
  });

  it('closes what it has opened, even if the opening ends after the abort', async () => {
    const { services, stopping, signal } = setup();
    let finish: (value: Closable) => void = () => {};
    let closed = 0;
    const opening = services.open(
      'file',
      signal,
      () => new Promise<Closable>((resolve) => (finish = resolve)),
    );
    stopping.abort(new Error('SIGINT'));
    await assert.rejects(opening, /SIGINT/);
    const stopped = services.stop();
    finish({
      close: async () => {
        closed += 1;
      },
    });
    await stopped;
    assert.equal(closed, 1);
  });

  it('closes nothing that was not opened', async () => {
    const { services, warnings, signal } = setup();
    const opening = services.open('file', signal, async (inner) => {
      await untilAborted(AbortSignal.any([inner, AbortSignal.abort(new Error('no space'))]));
      return { close: () => assert.fail('nothing is open') };
    });
    await assert.rejects(opening, /no space/);
    await services.stop();
    assert.deepEqual(warnings, []);
  });
});
