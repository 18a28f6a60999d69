import type { Scenario } from '../world.js';

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
