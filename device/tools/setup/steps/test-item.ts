import type { BinEvent } from '../../../cycle/event.js';
import { Runner } from '../../../cycle/runner.js';
import type { Clock } from '../../../kit/clock.js';
import { DeadlineExceeded, sleep, withDeadline } from '../../../kit/deadline.js';
import type { Fault } from '../../../kit/errors.js';
import { type WiredTestItem, wireTestItem } from '../../../wire/test-item.js';
import { silentLog, withLinesOnDemand } from '../../calibrate/stopped-bin.js';
import { inScratchFolder } from '../scratch-folder.js';
import { type AskContext, type Patch, SetupError, type Step, type StepContext } from '../setup.js';

const ITEM_MS = 60_000;
const POLL_MS = 20;

/** One item through the cycle: camera, model, decision and gate. */
export const testItemStep: Step = {
  name: 'test',
  title: 'Test item',
  intro: 'One item goes through the cycle: image, model, decision, gate. Nothing is recorded or published.',
  section: null,
  summary: () => 'not run yet',
  ask,
  check,
};

async function ask({ prompt, config, say }: AskContext): Promise<Patch> {
  if (config.gate.driver !== 'simulated')
    say('Warning: the gate moves. Remove hands and tools, and close the lid.');
  await prompt.text('Put in an item, then press Enter', '');
  return {};
}

async function check({ config, folder, say, signal }: StepContext): Promise<Patch> {
  const event = await withLinesOnDemand({ config, folder }, signal, (_, clock) =>
    inScratchFolder(async (scratch) => {
      const wired = await wireTestItem({ config, folder, log: silentLog }, scratch, clock, signal);
      try {
        return await sortOne(wired, clock, signal);
      } finally {
        await wired.close();
      }
    }),
  );
  const { outcome, decision, fault } = event;
  if (fault) throw new SetupError('setup-item', `${outcome}: ${fault.code}: ${fault.message}`);
  const { label, confidence, compartment, reason } = decision ?? {};
  const score = `${label ?? 'no label'}${confidence == null ? '' : ` ${confidence.toFixed(2)}`}`;
  const place = compartment == null ? 'no compartment' : `compartment ${compartment}`;
  say(`${outcome}: ${score}, ${reason ?? 'no decision'}, ${place}.`);
  return {};
}

/** Waits until the gate is home, reports an item, and returns its event. */
const sortOne = async (
  { parts, cycle, show }: WiredTestItem,
  clock: Clock,
  outer: AbortSignal,
): Promise<BinEvent> => {
  let event: BinEvent | null = null;
  let failure: unknown = null;
  let fault: Fault | null = null;
  const observer = {
    event: (journalled: BinEvent) => {
      event ??= journalled;
    },
    health: (_part: string, changed: Fault | null) => {
      fault = changed;
    },
  };
  const runner = new Runner(parts, cycle, observer, (error) => {
    failure = error;
  });
  const until = async (isTrue: () => boolean, signal: AbortSignal) => {
    while (!isTrue()) {
      if (failure !== null) throw failure;
      await sleep(clock, POLL_MS, signal);
    }
  };
  try {
    await runner.start();
    await withDeadline(clock, ITEM_MS, (signal) => until(() => runner.phase === 'idle', signal), outer);
    show();
    await withDeadline(clock, ITEM_MS, (signal) => until(() => event !== null, signal), outer);
    // The item is finished when the gate is home again.
    await withDeadline(clock, ITEM_MS, (signal) => until(() => runner.phase === 'idle', signal), outer);
  } catch (thrown) {
    if (!(thrown instanceof DeadlineExceeded)) throw thrown;
    const reason = (fault as Fault | null)?.message ?? `the cycle is still "${runner.phase}".`;
    throw new SetupError('setup-item', `no result within ${ITEM_MS / 1_000} seconds: ${reason}`);
  } finally {
    await runner.stop();
  }
  if (event === null) throw new TypeError('an item without an event');
  return event;
};
