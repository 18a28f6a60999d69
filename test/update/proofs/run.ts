/**
 * `npm run test:update [-- NAME...] [--seed 1] [--bundles 1000] [--case 7] [--points 100]`: updates of a running bin with wrong and
 * mutated bundles, kills and full disks. Without a name, all proofs run. The same seed gives the same cases. Exit code 1 if
 * a proof fails.
 */
import { parseArgs } from 'node:util';
import { messageOf } from '../../../device/kit/errors.js';
import { kills } from './kills.js';
import { mutatedBundles } from './mutated-bundles.js';
import { Findings, type Proof } from './proof.js';
import { wrongBundles } from './wrong-bundles.js';

const PROOFS: Readonly<Record<string, Proof>> = {
  'wrong-bundles': wrongBundles,
  'mutated-bundles': mutatedBundles,
  kills,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    bundles: { type: 'string', default: '1000' },
    case: { type: 'string' },
    points: { type: 'string', default: '100' },
  },
});
const options = {
  seed: Number(values.seed),
  bundles: Number(values.bundles),
  only: values.case === undefined ? null : Number(values.case),
  points: Number(values.points),
};
const chosen = Object.entries(PROOFS).filter(
  ([name]) => positionals.length === 0 || positionals.includes(name),
);
if (chosen.length === 0) {
  process.stderr.write(`no proof has this name. Use one of ${Object.keys(PROOFS).join(', ')}.\n`);
  process.exitCode = 1;
}
for (const [name, proof] of chosen) {
  const startMs = performance.now();
  const findings = new Findings();
  process.stdout.write(`${name}\n`);
  await proof(options, findings).catch((thrown) => findings.problem(messageOf(thrown)));
  const seconds = Math.round((performance.now() - startMs) / 1_000);
  process.stdout.write(`${findings.problems === 0 ? 'passed' : 'FAILED'} ${name}, ${seconds} s\n`);
  if (findings.problems > 0) process.exitCode = 1;
}
