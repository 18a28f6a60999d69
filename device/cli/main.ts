#!/usr/bin/env node
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
