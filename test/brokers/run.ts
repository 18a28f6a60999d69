/**
 * `npm run test:brokers [-- NAME...] [--json]`: the bin against real brokers, damaged networks and a broker that refuses.
 * A consumer remembers every event. Without a name, all scenarios run. A name may be the beginning of several. Exit code 1
 * if an event is lost, stays in the outbox or arrives out of order.
 */
import { parseArgs } from 'node:util';
import { messageOf } from '../../device/kit/errors.js';
import { inFolder } from '../support/sortbin.js';
import { codeScenarios } from './codes.js';
import { halfOpenScenarios } from './half-open.js';
import { mosquittoScenarios } from './mosquitto.js';
import { networkScenarios } from './network.js';
import { otherBrokerScenarios } from './other-brokers.js';
import { restartScenarios } from './restarts.js';
import type { Scenario, Scenarios } from './scenario.js';
import { Trial, type Verdict } from './trial.js';

const SCENARIOS: Scenarios = {
  ...mosquittoScenarios,
  ...networkScenarios,
  ...halfOpenScenarios,
  ...otherBrokerScenarios,
  ...codeScenarios,
  ...restartScenarios,
};

const run = async (scenario: Scenario): Promise<Verdict> => {
  let verdict: Verdict | undefined;
  await inFolder('', async (folder) => {
    verdict = await scenario(new Trial(folder));
  });
  return verdict as Verdict;
};

const describe = (name: string, seconds: number, verdict: Verdict): string => {
  const { journalled, missing, inversions, repeatedByBin, repeatedByBroker, problems, notes } = verdict;
  const figures =
    `${journalled} events, ${missing.length} missing, ${inversions} out of order, ` +
    `${repeatedByBin} repeated by the bin, ${repeatedByBroker} by the broker`;
  const lines = [
    `${problems.length === 0 ? 'passed' : 'FAILED'} ${name}: ${figures}, ${Math.round(seconds)} s`,
  ];
  for (const note of notes) lines.push(`  ${note}`);
  for (const problem of problems) lines.push(`  ${name}: ${problem}`);
  return `${lines.join('\n')}\n`;
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false } },
});
const isChosen = (name: string) =>
  positionals.length === 0 || positionals.some((beginning) => name.startsWith(beginning));
const chosen = Object.entries(SCENARIOS).filter(([name]) => isChosen(name));
if (chosen.length === 0) {
  process.stderr.write(
    `no scenario begins with this name. Use one of ${Object.keys(SCENARIOS).join(', ')}.\n`,
  );
  process.exitCode = 1;
}
for (const [name, scenario] of chosen) {
  const startMs = performance.now();
  const secondsSoFar = () => (performance.now() - startMs) / 1_000;
  try {
    const verdict = await run(scenario);
    const seconds = secondsSoFar();
    process.stdout.write(
      values.json ? `${JSON.stringify({ name, seconds, ...verdict })}\n` : describe(name, seconds, verdict),
    );
    if (verdict.problems.length > 0) process.exitCode = 1;
  } catch (thrown) {
    process.exitCode = 1;
    process.stdout.write(
      values.json
        ? `${JSON.stringify({ name, seconds: secondsSoFar(), error: messageOf(thrown) })}\n`
        : `FAILED ${name}: ${messageOf(thrown)}\n`,
    );
  }
}
