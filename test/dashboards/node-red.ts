import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { packageRoot } from '../../device/kit/root.js';
import { freePorts, untilListening } from '../support/brokers/ports.js';
import { ServerProcess } from '../support/brokers/server-process.js';
import type { Findings } from '../support/findings.js';
import { until } from '../support/until.js';
import type { Stage } from './picture.js';
import { takePicture } from './picture.js';

const FLOW = join(packageRoot(), 'deploy/dashboards/node-red.json');
const WAIT_MS = 60_000;

interface Node {
  readonly type: string;
  port?: string;
}

/** A new Node-RED has no file of credentials yet. */
const isHarmless = (line: string): boolean => line.includes('Encrypted credentials not found');

/** Runs the flow in Node-RED, connected to the broker of the bin. `program`: its red.js. */
export const proveNodeRed = async (program: string, stage: Stage, findings: Findings): Promise<void> => {
  const folder = join(stage.folder, 'node-red');
  mkdirSync(folder);
  const nodes: Node[] = JSON.parse(readFileSync(FLOW, 'utf8'));
  for (const node of nodes) if (node.type === 'mqtt-broker') node.port = String(stage.brokerPort);
  writeFileSync(join(folder, 'flows.json'), JSON.stringify(nodes));
  const [port = 0] = await freePorts(1);
  const settings = {
    uiHost: '127.0.0.1',
    uiPort: port,
    flowFile: 'flows.json',
    telemetry: { enabled: false },
  };
  writeFileSync(
    join(folder, 'settings.js'),
    `module.exports = ${JSON.stringify({ ...settings, editorTheme: { tours: false } })};`,
  );
  const server = new ServerProcess(
    [process.execPath, program, '--userDir', folder, '--settings', join(folder, 'settings.js')],
    join(folder, 'log'),
    'nodejs',
  );
  const client = await connectAsync(`mqtt://127.0.0.1:${stage.brokerPort}`, { protocolVersion: 4 });
  const alerts: string[] = [];
  client.on('message', (topic, payload) => alerts.push(`${topic} ${payload}`));
  await client.subscribeAsync('sortbin-alerts/#', { qos: 1 });
  await server.start();
  const untilAlert = async (text: string) => {
    const has = () => alerts.some((alert) => alert.includes(text)) || !server.isAlive;
    await until(() => `${text} in ${alerts.join('\n')}\n${server.log}`, has, WAIT_MS);
  };
  try {
    await untilListening(port, () => server.isAlive);
    await untilAlert('bin: online');
    await untilAlert('bin: glass is full');
    await untilAlert('bin: refused battery');
    const picture = { name: 'node-red.png', width: 1400, height: 520 };
    await takePicture(stage, `http://127.0.0.1:${port}/`, picture, findings);
    await stage.stopBin();
    await untilAlert('bin: offline');
  } finally {
    await client.endAsync(true);
    await server.stop();
  }
  const full = alerts.filter((alert) => alert.endsWith('glass is full'));
  findings.check(full.length === 1, `"glass is full" ${full.length} times`);
  const troubles = server.log.split('\n').filter((line) => /\[(error|warn)\]/.test(line));
  findings.check(troubles.every(isHarmless), troubles.join('\n'));
  for (const alert of new Set(alerts)) findings.note(alert);
};
