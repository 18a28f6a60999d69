/**
 * `npm run test:ha [-- NAME...] [--pictures FOLDER]`: bins with a real Home Assistant. Without a name, all scenarios run. A name
 * may be the beginning of several. With FOLDER, the scenario `pictures` takes those of the documentation. Exit code 1 if a
 * scenario fails.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../../device/kit/errors.js';
import { Findings } from '../support/findings.js';
import { inFolder } from '../support/sortbin.js';
import { automations } from './scenarios/automations.js';
import { availability, birth } from './scenarios/availability.js';
import { commands } from './scenarios/commands.js';
import { compartments } from './scenarios/compartments.js';
import { cycle, image } from './scenarios/cycle.js';
import { names } from './scenarios/names.js';
import { pictures } from './scenarios/pictures.js';
import { removal } from './scenarios/removal.js';
import { updates } from './scenarios/updates.js';
import { type Scenario, type Scenarios, World } from './world.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { pictures: { type: 'string' } },
});
const folder = values.pictures === undefined ? null : resolve(values.pictures);

const SCENARIOS: Scenarios = {
  names,
  cycle,
  commands,
  availability,
  ...compartments,
  updates,
  ...removal,
  birth,
  image,
  automations,
  ...(folder === null ? {} : { pictures: pictures(folder) }),
};

const run = (scenario: Scenario, findings: Findings): Promise<void> =>
  inFolder('', (parent) =>
    World.use(parent, findings, folder !== null, async (world) => {
      await scenario(world);
      world.checkTroubles();
    }),
  );

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
  const findings = new Findings();
  const startMs = performance.now();
  process.stdout.write(`${name}\n`);
  await run(scenario, findings).catch((thrown) => findings.check(false, messageOf(thrown)));
  const seconds = Math.round((performance.now() - startMs) / 1_000);
  const result = findings.problems === 0 ? 'passed' : 'FAILED';
  process.stdout.write(`${result} ${name}: ${findings.checks} checks, ${seconds} s\n`);
  if (findings.problems > 0) process.exitCode = 1;
}
