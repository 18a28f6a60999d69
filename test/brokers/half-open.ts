import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Consumer } from '../support/brokers/consumer.js';
import { Mosquitto } from '../support/brokers/mosquitto.js';
import { makeBacklog } from '../support/journal/backlog.js';
import { inFolder } from '../support/sortbin.js';
import { type Scenario, type Scenarios, withCleanup } from './scenario.js';
import { Trial, type Verdict } from './trial.js';

const EVENTS = 20_000;
const CUTS = 3;
const CUT_MS = 4_000;
const IDLE_CUT_MS = 10_000;
const KEEPALIVE_S = 5;
const ITEMS = 10;

const TABLE = `table inet cut {
  set ports { type inet_service; }
  chain in {
    type filter hook input priority 0
    tcp dport @ports drop
    tcp sport @ports drop
  }
}`;

/** Drops the packets of a port in both directions, without FIN or RST. */
const drop = (port: number) => execFileSync('nft', ['add', 'element', 'inet', 'cut', 'ports', `{ ${port} }`]);
const heal = () => execFileSync('nft', ['flush', 'set', 'inet', 'cut', 'ports']);

/** In a network namespace: the link between bin and broker is half open, under load and while idle. */
const inside: Scenario = (trial) =>
  withCleanup(async (later) => {
    execFileSync('ip', ['link', 'set', 'lo', 'up']);
    execFileSync('nft', [TABLE]);
    makeBacklog(trial.dataDir, EVENTS);
    const broker = await Mosquitto.start(trial.folder);
    later(() => broker.stop());
    const consumer = await Consumer.connect(`ws://127.0.0.1:${broker.webSocketPort}`);
    later(() => consumer.close());
    trial.record = consumer.record;
    const bin = trial.startBin({ url: broker.url, keepaliveS: KEEPALIVE_S }, 'command');
    await bin.waitForCommands();
    const cut = async (port: number, ms: number) => {
      drop(port);
      await trial.trigger(ITEMS);
      await wait(ms);
      heal();
    };
    for (let count = 0; count < CUTS; count++) {
      await trial.untilArrived(trial.record.seqs.length + 10);
      await cut(broker.port, CUT_MS);
    }
    await trial.untilArrived(EVENTS);
    drop(broker.port);
    await wait(IDLE_CUT_MS);
    heal();
    await trial.trigger(ITEMS);
    return trial.finish();
  });

/** Runs this file in a new network namespace. A user may do that on most systems, without root. */
const halfOpen: Scenario = async () => {
  const self = fileURLToPath(import.meta.url);
  const args = ['--map-root-user', '--net', '--', process.execPath, self, '--inside'];
  const child = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = await once(child, 'close');
  if (code !== 0)
    throw new Error(
      `the network namespace failed (exit code ${code}). It needs unshare, ip and nft (Debian: util-linux, iproute2, nftables), and root if users may not create namespaces.`,
    );
  return JSON.parse(output) as Verdict;
};

export const halfOpenScenarios: Scenarios = { 'half-open': halfOpen };

if (process.argv[2] === '--inside')
  await inFolder('', async (folder) => {
    process.stdout.write(JSON.stringify(await inside(new Trial(folder))));
  });
