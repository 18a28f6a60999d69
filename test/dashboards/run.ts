/**
 * `npm run test:dashboards [-- prometheus|node-red] [--node-red FOLDER] [--pictures FOLDER]`: what is in deploy/dashboards/, on a
 * running simulated bin. FOLDER contains node_modules/node-red. Exit code 1 if a proof fails.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../../device/kit/errors.js';
import { packageRoot } from '../../device/kit/root.js';
import { Mosquitto } from '../support/brokers/mosquitto.js';
import { freePorts } from '../support/brokers/ports.js';
import { Findings } from '../support/findings.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { proveNodeRed } from './node-red.js';
import type { Stage } from './picture.js';
import { provePrometheus } from './prometheus.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'node-red': { type: 'string', default: '.' }, pictures: { type: 'string' } },
});
const nodeRed = resolve(values['node-red'], 'node_modules/node-red/red.js');
const PROOFS: Readonly<Record<string, (stage: Stage, findings: Findings) => Promise<void>>> = {
  prometheus: provePrometheus,
  'node-red': (stage, findings) => {
    if (!existsSync(nodeRed))
      throw new Error(
        `no ${nodeRed}. Run "npm install node-red@4.1.15" in a new folder, and pass --node-red FOLDER.`,
      );
    return proveNodeRed(nodeRed, stage, findings);
  },
};

const REPOSITORY = join(packageRoot(), 'test/update/repository/python-tuf');

/** A bin that sorts, refuses a battery, is unsure, fails, and has a full compartment. */
const configOf = (brokerPort: number, httpPort: number) => `
trigger: { script: [{ afterMs: 300 }] }
camera: { script: [{ picture: paper/paper18.jpg }] }
vision: { driver: simulated, script: [{ label: paper }, { label: battery }, { label: paper, confidence: 0.3 }, { fault: vision-failed }] }
gate: { moveMs: 20 }
fill: { driver: simulated, script: [{ compartment: paper, percent: 40 }, { compartment: glass, percent: 95 }] }
mqtt: { url: 'mqtt://127.0.0.1:${brokerPort}' }
http: { port: ${httpPort} }
update: { url: 'file://${REPOSITORY}', root: '${REPOSITORY}/metadata/1.root.json' }
`;

const run = (prove: (stage: Stage, findings: Findings) => Promise<void>, findings: Findings) =>
  inFolder('', async (parent) => {
    const broker = await Mosquitto.start(parent);
    const [httpPort = 0] = await freePorts(1);
    await inFolder(configOf(broker.port, httpPort), async (folder) => {
      const bin = new Sortbin(['run'], folder);
      await bin.waitForCommands();
      const stopBin = async () => {
        bin.kill('SIGTERM');
        await bin.ended();
      };
      const httpUrl = `http://127.0.0.1:${httpPort}`;
      const health = await fetch(`${httpUrl}/healthz`);
      findings.check(health.status === 200, `/healthz: ${health.status} ${await health.text()}`);
      const pictures = values.pictures === undefined ? null : resolve(values.pictures);
      await prove({ folder: parent, httpUrl, brokerPort: broker.port, pictures, stopBin }, findings);
    });
    await broker.stop();
  });

for (const [name, prove] of Object.entries(PROOFS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const findings = new Findings();
  process.stdout.write(`${name}\n`);
  await run(prove, findings).catch((thrown) => findings.check(false, messageOf(thrown)));
  process.stdout.write(`${findings.problems === 0 ? 'passed' : 'FAILED'} ${name}\n`);
  if (findings.problems > 0) process.exitCode = 1;
}
