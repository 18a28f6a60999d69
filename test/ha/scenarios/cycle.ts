import type { Scenario } from '../world.js';

/** A bin that sorts, refuses, is unsure and fails, shows all of that in its entities, also after a restart. */
export const cycle: Scenario = async (world) => {
  const bin = await world.startBin('bin', {
    policy: { confidence: 0.5, margin: 0.1 },
    vision: {
      driver: 'simulated',
      script: [
        { label: 'paper', confidence: 0.9 },
        { label: 'battery' },
        { label: 'plastic', confidence: 0.3 },
        { fault: 'vision-failed' },
      ],
    },
    fill: {
      driver: 'simulated',
      script: [
        { afterMs: 0, compartment: 'paper', percent: 40 },
        { afterMs: 0, compartment: 'glass', percent: 95 },
      ],
    },
  });
  const expect = (what: string, wanted: Readonly<Record<string, string>>) => world.expectStates(what, wanted);
  const expectEvent = (what: string, wanted: Readonly<Record<string, unknown>>) =>
    world.expectAttributes(what, 'last_item', (attributes) =>
      Object.entries(wanted).every(([key, value]) => attributes[key] === value),
    );

  await expect('a bin without items', {
    state: 'ready',
    last_item: 'unknown',
    last_label: 'unknown',
    last_confidence: 'unknown',
    problem: 'off',
    fault: 'No fault',
    items_sorted: '0',
    items_in_paper: '0',
    fill_paper: '40',
    full_paper: 'off',
    fill_glass: '95',
    full_glass: 'on',
    threshold_confidence: '50',
    threshold_hazard: '30',
  });

  await bin.send('trigger');
  await expect('an item is sorted', {
    last_label: 'paper',
    last_compartment: 'paper',
    last_confidence: '90.0',
    items_sorted: '1',
    items_in_paper: '1',
    state: 'ready',
  });
  const sorted = { event_type: 'sorted', label: 'paper', compartment: 'paper', fault: null };
  await expectEvent('the event of the sorted item', sorted);

  await bin.send('trigger');
  await expect('an item is refused', { last_label: 'battery', items_refused: '1', items_sorted: '1' });
  const refused = { event_type: 'refused', label: 'battery', compartment: null, reason: 'hazard' };
  await expectEvent('the event of the refused item', refused);

  await bin.send('trigger');
  await expect('an item that the bin is unsure about', {
    last_label: 'plastic',
    last_compartment: 'residual',
    items_in_residual: '1',
  });
  await expectEvent('the event of the unsure item', { event_type: 'sorted', reason: 'low-confidence' });

  await bin.send('trigger');
  await expect('an item fails', { items_failed: '1', problem: 'on', state: 'fault' });
  await expectEvent('the event of the failed item', { event_type: 'failed', fault: 'vision-failed' });
  await world.expectEntities('the fault has a text', (entities) =>
    /\w+ \w+/.test(entities.state('fault') ?? ''),
  );
  await world.expectAttributes('the code of the fault', 'problem', (faults) => 'vision-failed' in faults);

  await bin.send('trigger');
  await expect('the next item ends the fault', { problem: 'off', fault: 'No fault', items_sorted: '3' });

  const counters = { items_sorted: '3', items_refused: '1', items_failed: '1', items_in_paper: '2' };
  await bin.stop();
  await bin.start();
  await expect('the counters after a restart of the bin', counters);
  await world.homeAssistant.restart();
  await expect('the counters after a restart of Home Assistant', counters);
};

const isJpeg = (bytes: Buffer): boolean => bytes.subarray(0, 3).equals(Buffer.of(0xff, 0xd8, 0xff));

/** Home Assistant shows the picture of the last item, and only of a bin whose owner allows it. */
export const image: Scenario = async (world) => {
  const camera = { delayMs: 0, script: [{ picture: 'paper/paper18.jpg' }] };
  // The simulated vision does not decode pictures.
  const vision = { driver: 'child' };
  const bin = await world.startBin('bin', { camera, vision, mqtt: { image: true } });
  const entities = await world.expectStates('there is no picture yet', { image: 'unknown' });
  await bin.send('trigger');
  await world.expect(
    'Home Assistant shows the picture that the bin publishes',
    () => world.homeAssistant.download(`image_proxy/${entities.id('image')}`),
    (shown) => isJpeg(shown) && shown.equals(world.witness.image),
    (shown) => `${shown.length} bytes instead of ${world.witness.image.length}`,
  );
  world.findings.note(`a picture of ${world.witness.image.length} bytes`);
  await bin.restartWith({ camera, vision });
  await world.expectEntities('the picture is gone', ({ keys }) => keys.length > 0 && !keys.includes('image'));
};
