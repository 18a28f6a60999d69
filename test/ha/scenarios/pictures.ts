import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Browser } from '../browser.js';
import { documentedDashboard } from '../docs.js';
import { DEVICE, type Scenario } from '../world.js';

/** Animations have ended then. */
const REST_MS = 3_000;
const PATH = 'sorting-bin';
const LABELS = ['paper', 'brown-glass', 'battery', 'plastic', 'cardboard', 'paper', 'metal', 'paper'];
const LEVELS = { paper: 62, glass: 18, packaging: 93, residual: 35 };

/** Takes the pictures of docs/home-assistant.md, of a bin that has sorted. The core needs its web pages. */
export const pictures =
  (folder: string): Scenario =>
  async (world) => {
    const { homeAssistant } = world;
    mkdirSync(folder, { recursive: true });
    const script = Object.entries(LEVELS).map(([compartment, percent]) => ({
      afterMs: 0,
      compartment,
      percent,
    }));
    const bin = await world.startBin('bin', {
      vision: { driver: 'simulated', script: LABELS.map((label) => ({ label, confidence: 0.97 })) },
      fill: { driver: 'simulated', script },
      mqtt: { commands: ['status', 'trigger', 'hold', 'resume', 'emptied', 'dispute'] },
    });
    await world.expectStates('the bin is known', { state: 'ready' });
    for (const [index] of LABELS.entries()) {
      await bin.send('trigger');
      await world.expect(
        `item ${index + 1}`,
        async () => world.witness.outcomes('bin').length,
        (count) => count > index,
      );
    }
    await world.expectStates('all items are counted', { items_sorted: '7', items_refused: '1' });
    await homeAssistant.ask('lovelace/dashboards/create', {
      url_path: PATH,
      title: 'Sorting bin',
      mode: 'storage',
    });
    await homeAssistant.ask('lovelace/config/save', { url_path: PATH, config: documentedDashboard() });
    const device = (await homeAssistant.devices()).find(({ identifiers }) => identifiers[0]?.[1] === DEVICE);

    const browser = await Browser.open(world.folder);
    try {
      await browser.visit(`${homeAssistant.url}/manifest.json`);
      await browser.evaluate(
        `localStorage.hassTokens = ${JSON.stringify(JSON.stringify(loginOf(homeAssistant)))}`,
      );
      await browser.evaluate(`localStorage.dockedSidebar = '"always_hidden"'`);
      for (const [name, path, text, width, height] of [
        ['home-assistant-dashboard.png', `${PATH}/0`, 'Fill levels', 1_280, 520],
        ['home-assistant-device.png', `config/devices/device/${device?.id}`, 'Items in glass', 880, 1_420],
      ] as const) {
        await browser.resize({ width, height });
        await browser.visit(`${homeAssistant.url}/${path}`);
        await browser.untilText(text);
        await wait(REST_MS);
        await browser.takePicture(join(folder, name));
      }
    } finally {
      await browser.close();
    }
  };

/** What the web page stores after a login. */
const loginOf = ({ url, token }: { readonly url: string; readonly token: string }) => ({
  access_token: token,
  token_type: 'Bearer',
  refresh_token: '',
  expires_in: 86_400,
  expires: Date.now() + 86_400_000,
  hassUrl: url,
  clientId: `${url}/`,
});
