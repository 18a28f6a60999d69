import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../device/kit/root.js';
import { proseOf } from './prose.js';
import { findIn } from './rules.js';

// Part of `npm run verify`: checks the language of the docs, the comments and the messages (CONTRIBUTING.md, "Write texts").

/** Files whose texts are generated from data, or belong to others. */
const SKIPPED = /^(training\/reports\/[^/]+\/|test\/language\/|LICENSE|.*NOTICE)/;
const CHECKED = /\.(md|ts|py|c|h|sh)$/;

const root = packageRoot();
const list = ['ls-files', '--cached', '--others', '--exclude-standard'];
const files = execFileSync('git', list, { cwd: root, encoding: 'utf8' }).split('\n');
let count = 0;
for (const name of files.filter(
  (file) => CHECKED.test(file) && !SKIPPED.test(file) && existsSync(join(root, file)),
)) {
  for (const prose of proseOf(name, readFileSync(join(root, name), 'utf8')))
    for (const { line, message } of findIn(prose)) {
      count += 1;
      process.stdout.write(`${name}:${line}: ${message}\n`);
    }
}
if (count > 0) {
  process.stdout.write(`language check: ${count} findings\n`);
  process.exitCode = 1;
} else process.stdout.write('language check: no findings\n');
