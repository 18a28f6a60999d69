import { type Automation, documentedAutomations, documentedEntities } from '../docs.js';
import type { Scenario, World } from '../world.js';

const CONFIG = {
  vision: {
    driver: 'simulated',
    script: [{ label: 'paper' }, { label: 'battery' }, { label: 'paper' }, { fault: 'vision-failed' }],
  },
  fill: {
    driver: 'simulated',
    script: [
      ...['paper', 'packaging', 'residual'].map((compartment) => ({ afterMs: 0, compartment, percent: 5 })),
      { afterMs: 15_000, compartment: 'glass', percent: 95 },
    ],
  },
};

/** The automations of the documentation, as the editor of Home Assistant stores them. Each one notifies once. */
export const automations: Scenario = async (world) => {
  const bin = await world.startBin('bin', CONFIG);
  const known = await world.expectStates('the bin is known', { state: 'ready', full_glass: 'off' });
  const missing = documentedEntities().filter((id) => !known.all.some((entity) => entity.id === id));
  world.findings.check(missing.length === 0, `the documentation names ${missing}, which do not exist`);
  const all = documentedAutomations();
  world.findings.check(all.length === 3, `${all.length} automations`);
  for (const [index, automation] of all.entries())
    await world.homeAssistant.request('POST', `config/automation/config/sortbin_${index}`, automation);
  const idOf = (pattern: RegExp) => `sortbin_${all.findIndex(({ alias }) => pattern.test(alias))}`;
  const [full, battery, fault] = [idOf(/full/), idOf(/battery/), idOf(/fault/)];

  await expectRuns(world, 'the compartment is full', { [full]: 1, [battery]: 0, [fault]: 0 });
  await expectNotification(world, /Full glass: please empty it/);
  await bin.send('trigger');
  await world.expectStates('an item is sorted', { items_sorted: '1', state: 'ready' });
  await bin.send('trigger');
  await expectRuns(world, 'the battery is refused', { [full]: 1, [battery]: 1, [fault]: 0 });
  await expectNotification(world, /^Refused: battery\./);
  await bin.send('trigger');
  await world.expectStates('another item is sorted', { items_sorted: '2', state: 'ready' });
  await bin.send('trigger');
  await expectRuns(world, 'the fault lasts', { [full]: 1, [battery]: 1, [fault]: 1 });
  await expectNotification(world, /^simulated by the script$/);

  await bin.stop();
  await bin.start();
  await world.expectStates('the bin is up again', { state: 'ready', full_glass: 'on' });
  await world.homeAssistant.restart();
  await world.expectStates('the bin is known after a restart', { state: 'ready', full_glass: 'on' });
  await world.settle();
  const repeated = { [battery]: await runsOf(world, battery), [fault]: await runsOf(world, fault) };
  const isQuiet = Object.values(repeated).every((count) => count <= 1);
  world.findings.check(isQuiet, `notified again after the restarts: ${JSON.stringify(repeated)}`);
  await checkNames(world, all);
};

/** Waits until each automation has notified so many times. */
const expectRuns = (world: World, what: string, wanted: Readonly<Record<string, number>>) =>
  world.expect(
    what,
    async () => {
      const counts: Record<string, number> = {};
      for (const id of Object.keys(wanted)) counts[id] = await runsOf(world, id);
      return counts;
    },
    (counts) => Object.entries(wanted).every(([id, count]) => counts[id] === count),
  );

/** Returns how often the actions of an automation were executed. */
const runsOf = async ({ homeAssistant }: World, item_id: string): Promise<number> => {
  const traces = await homeAssistant.ask<{ script_execution: string }[]>('trace/list', {
    domain: 'automation',
    item_id,
  });
  return traces.filter(({ script_execution }) => script_execution === 'finished').length;
};

const expectNotification = (world: World, pattern: RegExp) =>
  world.expect(
    `a notification like ${pattern}`,
    async () => {
      const all = await world.homeAssistant.ask<{ message: string }[]>('persistent_notification/get');
      return all.map(({ message }) => message);
    },
    (messages) => messages.some((message) => pattern.test(message)),
  );

const checkNames = async ({ homeAssistant, findings }: World, all: readonly Automation[]): Promise<void> => {
  const states = await homeAssistant.states();
  for (const { alias } of all) {
    const state = states.find(({ attributes }) => attributes.friendly_name === alias)?.state;
    findings.check(state === 'on', `the automation "${alias}" is ${state}`);
    findings.note(`${alias}: loaded, and fired`);
  }
};
