import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parse } from 'yaml';
import { packageRoot } from '../../device/kit/root.js';
import { freePorts, untilListening } from '../support/brokers/ports.js';
import { ServerProcess } from '../support/brokers/server-process.js';
import type { Findings } from '../support/findings.js';
import type { Stage } from './picture.js';
import { takePicture } from './picture.js';

const DASHBOARDS = join(packageRoot(), 'deploy/dashboards');
/** This machine may have no sensor of temperature. */
const MAY_BE_EMPTY = ['sortbin_machine_temperature_celsius'];
const SAMPLES_MS = 14_000;

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

interface Vector {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** Checks metrics and rules with promtool. Runs each expression of the dashboard on a Prometheus that reads the bin. */
export const provePrometheus = async (stage: Stage, findings: Findings): Promise<void> => {
  const text = await (await fetch(`${stage.httpUrl}/metrics`)).text();
  findings.check(text.includes('sortbin_update_bundle_info{'), 'no metrics of updates to check');
  promtool(findings, ['check', 'metrics'], text);
  promtool(findings, ['check', 'rules', join(DASHBOARDS, 'prometheus-rules.yml')]);
  promtool(findings, ['test', 'rules', join(DASHBOARDS, 'prometheus-rules.test.yml')]);

  const folder = join(stage.folder, 'prometheus');
  mkdirSync(folder);
  cpSync(join(DASHBOARDS, 'prometheus-rules.yml'), join(folder, 'prometheus-rules.yml'));
  const config = readFileSync(join(DASHBOARDS, 'prometheus.yml'), 'utf8')
    .replace('127.0.0.1:9464', new URL(stage.httpUrl).host)
    .replace('15s', '1s');
  writeFileSync(join(folder, 'prometheus.yml'), `global: { evaluation_interval: 1s }\n${config}`);
  const [port = 0] = await freePorts(1);
  const server = new ServerProcess(
    [
      'prometheus',
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    join(folder, 'log'),
    'prometheus',
  );
  await server.start();
  try {
    await untilListening(port, () => server.isAlive);
    const url = `http://127.0.0.1:${port}`;
    await wait(SAMPLES_MS);
    await checkDashboard(url, findings);
    await checkAlerts(url, findings);
    // Debian's package has this page at another path than the packages of the project.
    const alerts = { name: 'prometheus-alerts.png', width: 900, height: 560 };
    await takePicture(stage, `${url}/classic/alerts`, alerts, findings);
    const expr = encodeURIComponent('sum by (outcome) (sortbin_items_total)');
    const graph = `${url}/graph?g0.expr=${expr}&g0.tab=0&g0.range_input=20s`;
    await takePicture(stage, graph, { name: 'prometheus-graph.png', width: 900, height: 900 }, findings);
  } finally {
    await server.stop();
  }
};

const promtool = (findings: Findings, args: readonly string[], input = ''): void => {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
  findings.note(`promtool ${args.slice(0, 2).join(' ')}: exit code ${status}`);
  findings.check(status === 0, `${stdout}${stderr}`);
};

const query = async (url: string, expr: string): Promise<readonly Vector[]> => {
  const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expr)}`);
  const body = (await answer.json()) as { status: string; error?: string; data: { result: Vector[] } };
  if (body.status !== 'success') throw new Error(`${expr}: ${body.error}`);
  return body.data.result;
};

/** Grafana's own variables are replaced by what Grafana would write. */
const expand = (expr: string): string =>
  expr.replaceAll('$__rate_interval', '10s').replaceAll('$instance', '.*');

const checkDashboard = async (url: string, findings: Findings): Promise<void> => {
  const { panels }: Dashboard = JSON.parse(readFileSync(join(DASHBOARDS, 'grafana.json'), 'utf8'));
  let count = 0;
  for (const { title, targets } of panels)
    for (const { expr } of targets) {
      count += 1;
      const result = await query(url, expand(expr));
      const mayBeEmpty = MAY_BE_EMPTY.some((name) => expr.startsWith(name));
      findings.check(result.length > 0 || mayBeEmpty, `panel "${title}": no value of ${expr}`);
      const isUnknown = result.some(({ value }) => value[1] === 'NaN');
      findings.check(!isUnknown, `panel "${title}": NaN of ${expr}`);
    }
  findings.note(`${count} expressions of ${panels.length} panels of the dashboard`);
};

/** The rules that fire have the state `pending` until their time is over. */
const checkAlerts = async (url: string, findings: Findings): Promise<void> => {
  const rules = parse(readFileSync(join(DASHBOARDS, 'prometheus-rules.yml'), 'utf8'));
  for (const { alert, expr } of rules.groups[0].rules) {
    // The fault of a classification lasts until the next one.
    if (alert === 'SortbinFault') continue;
    const holds = (await query(url, expr)).length > 0;
    const isExpected = ['SortbinCompartmentFull', 'SortbinItemsFail'].includes(alert);
    findings.check(holds === isExpected, `${alert} ${holds ? 'holds' : 'does not hold'}`);
  }
  const answer = await (await fetch(`${url}/api/v1/alerts`)).text();
  findings.check(answer.includes('glass of 127.0.0.1'), `no alert for the full compartment: ${answer}`);
};
