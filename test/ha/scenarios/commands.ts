import type { EntityList } from '../entity-list.js';
import type { Scenario } from '../world.js';

const buttonsOf = ({ all }: EntityList): string[] =>
  all.map(({ id }) => id).filter((id) => id.startsWith('button.'));

/** A button of Home Assistant reaches the bin. A command that is not allowed has no button. */
export const commands: Scenario = async (world) => {
  const { homeAssistant, findings } = world;
  const commands = ['trigger', 'hold', 'resume', 'emptied', 'dispute'];
  await world.startBin('open', { bin: { id: 'open' }, mqtt: { commands } });
  await world.startBin('closed', { bin: { id: 'closed' }, mqtt: { commands: [] } });
  await world.startBin('beam', {
    bin: { id: 'beam' },
    trigger: { driver: 'simulated', script: [] },
    mqtt: { commands },
  });
  const open = 'sortbin-open';
  const entities = await world.expectStates('the bin with commands is ready', { state: 'ready' }, open);
  const press = (key: string) => homeAssistant.act('button.press', entities.id(key));

  await press('trigger');
  const sorted = { items_sorted: '1', items_in_paper: '1', state: 'ready' };
  await world.expectStates('a press sorts an item', sorted, open);
  await press('emptied_paper');
  await world.expectStates('a press empties a compartment', { items_in_paper: '0', items_sorted: '1' }, open);
  await press('dispute');
  const isDisputed = (seqs: readonly unknown[]) => seqs.includes('disputed');
  await world.expect('a press disputes the item', async () => world.witness.outcomes('open'), isDisputed);
  await press('hold');
  await world.expectStates('a press holds the bin', { state: 'held' }, open);
  await press('trigger');
  await press('resume');
  await world.expectStates('a press resumes', { state: 'ready' }, open);
  await press('trigger');
  await world.expectStates('the bin sorts again', { items_sorted: '2' }, open);

  const closed = await world.expectStates('the bin without commands', { state: 'ready' }, 'sortbin-closed');
  findings.check(buttonsOf(closed).length === 0, `the bin without commands has ${buttonsOf(closed)}`);
  const beam = await world.expectStates('the bin with a sensor', { state: 'ready' }, 'sortbin-beam');
  findings.check(!beam.keys.includes('trigger'), 'a bin without trigger command has its button');
  findings.note(`buttons: ${buttonsOf(entities).join(', ')}`);
};
