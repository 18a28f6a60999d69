#!/usr/bin/env -S node --max-semi-space-size=1
// The small young space saves a third of the memory, and costs no time that shows: docs/performance.md.
import { Command } from 'commander';
import { packageVersion } from '../kit/root.js';
import { benchCommand } from './bench.js';
import { configCommand } from './config.js';
import { fail } from './failure.js';
import { runCommand } from './run.js';

const program = new Command('sortbin')
  .description('A bin that sorts what is thrown into it.')
  .version(packageVersion())
  .addCommand(runCommand())
  .addCommand(benchCommand())
  .addCommand(configCommand());

try {
  await program.parseAsync();
} catch (error) {
  fail(error);
}
