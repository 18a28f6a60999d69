import type { Config } from '../../../config/schema.js';
import type { TriggerSource } from '../../../hardware/trigger/trigger.js';
import type { Clock } from '../../../kit/clock.js';
import { DeadlineExceeded, sleep, withDeadline } from '../../../kit/deadline.js';
import type { Fault } from '../../../kit/errors.js';
import { openSensors } from '../../../wire/trigger.js';
import { withLinesOnDemand } from '../../calibrate/stopped-bin.js';
import { type AskContext, type Patch, SetupError, type Step, type StepContext } from '../setup.js';
import { askLine, lineText } from './line-question.js';

const LEVEL_MS = 2_000;
const ITEM_MS = 30_000;
const POLL_MS = 100;

/** The sensor that detects an item, tried live. */
export const sensorStep: Step = {
  name: 'sensor',
  title: 'Sensor',
  intro:
    'The sensor detects an item. A GPIO line is named by its BCM number (23), its name (GPIO23), or CHIP:OFFSET. The test waits for an item.',
  section: 'trigger',
  summary,
  ask,
  check,
};

function summary({ trigger }: Config): string {
  if (trigger.driver === 'line') return `${trigger.source} at ${lineText(trigger.input)}`;
  if (trigger.driver === 'ultrasonic')
    return `ultrasonic, trig ${lineText(trigger.trig)}, echo ${lineText(trigger.echo)}`;
  if (trigger.driver === 'several') return `several: ${Object.keys(trigger.sensors).join(', ')}`;
  return trigger.driver === 'command' ? 'none: sortbin trigger reports an item' : trigger.driver;
}

const KINDS = [
  { value: 'beam', label: 'break-beam' },
  { value: 'pir', label: 'motion detector (PIR)' },
  { value: 'switch', label: 'switch or button' },
  { value: 'ultrasonic', label: 'ultrasonic sensor (HC-SR04)' },
  { value: 'command', label: 'none: the command sortbin trigger reports an item' },
  { value: 'simulated', label: 'simulated: an item each 3 seconds' },
] as const;

async function ask({ prompt, config: { trigger } }: AskContext): Promise<Patch> {
  const present = trigger.driver === 'line' ? trigger.source : trigger.driver;
  const fallback = KINDS.find(({ value }) => value === present)?.value ?? 'beam';
  const kind = await prompt.choose('Sensor', KINDS, fallback);
  if (kind === 'command' || kind === 'simulated') return { trigger: { driver: kind } };
  if (kind === 'ultrasonic') {
    const configured = trigger.driver === 'ultrasonic' ? trigger : null;
    const trig = await askLine(prompt, 'Line of trig', configured?.trig ?? null, 'GPIO25');
    const echo = await askLine(prompt, 'Line of echo', configured?.echo ?? null, 'GPIO24');
    return { trigger: { driver: kind, trig, echo } };
  }
  const configured = trigger.driver === 'line' ? trigger.input : null;
  const line = await askLine(prompt, 'Line of the sensor', configured, 'GPIO23');
  const activeLow = await prompt.confirm(
    'Is the level low while an item is present?',
    configured?.activeLow ?? kind === 'beam',
  );
  return { trigger: { driver: 'line', source: kind, input: { ...line, activeLow } } };
}

async function check({ config, folder, say, prompt, signal }: StepContext): Promise<Patch> {
  const { driver } = config.trigger;
  if (driver === 'command' || driver === 'interval' || driver === 'simulated') {
    say('There is no sensor to test.');
    return {};
  }
  return withLinesOnDemand({ config, folder }, signal, async (lines, clock) => {
    const source = await openSensors(config, lines, clock);
    try {
      const isPresent = await levelOf(source, clock, signal);
      say(isPresent ? 'The sensor reports an item now.' : 'The sensor reports no item now.');
      if (!prompt) return {};
      if (isPresent) say('If there is none, repeat this step with the other answer about the level.');
      say(`Put an item in front of the sensor, or break the beam, within ${ITEM_MS / 1_000} seconds.`);
      await untilItem(source, say, clock, signal);
    } finally {
      await source.close();
    }
    return {};
  });
}

const levelOf = (source: TriggerSource, clock: Clock, signal: AbortSignal): Promise<boolean> =>
  withDeadline(clock, LEVEL_MS, (inner) => source.level(inner), signal);

/** Shows each change of the level, until the sensor has detected an item. */
const untilItem = async (
  source: TriggerSource,
  say: StepContext['say'],
  clock: Clock,
  signal: AbortSignal,
): Promise<void> => {
  let item: string | null = null;
  let fault: Fault | null = null;
  source.onHealth((changed) => {
    fault = changed;
  });
  source.start((trigger) => {
    item ??= trigger.source;
  });
  const watch = async (inner: AbortSignal): Promise<void> => {
    for (let before = await source.level(inner); item === null; ) {
      await sleep(clock, POLL_MS, inner);
      const level = await source.level(inner);
      if (level !== before) say(level ? 'active: an item is present' : 'not active');
      before = level;
    }
  };
  try {
    await withDeadline(clock, ITEM_MS, watch, signal);
    say(`Item detected (${item}).`);
  } catch (thrown) {
    if (!(thrown instanceof DeadlineExceeded)) throw thrown;
    const reason = (fault as Fault | null)?.message ?? 'The level did not change as it does for an item.';
    throw new SetupError(
      'setup-no-item',
      `trigger: no item within ${ITEM_MS / 1_000} seconds. ${reason} Check the wiring and the line. ` +
        '"sortbin calibrate levels" shows every input live.',
    );
  }
};
