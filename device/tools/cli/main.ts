#!/usr/bin/env -S node --max-semi-space-size=1
// The small young space saves a third of the memory, and costs no time that shows: docs/performance.md.
import { Command } from 'commander';
import { packageVersion } from '../../kit/root.js';
import { benchCommand } from './bench.js';
import { emptiedCommand, triggerCommand } from './bin-commands.js';
import { calibrateCommand } from './calibrate.js';
import { configCommand } from './config.js';
import { doctorCommand } from './doctor.js';
import { fail } from './failure.js';
import { modelCommand } from './model.js';
import { runCommand } from './run.js';

const program = new Command('sortbin')
  .description('A bin that sorts what is thrown into it.')
  .version(packageVersion())
  // So that `model add-edgetpu … --version 1.0.1` is not taken for the program's own.
  .enablePositionalOptions()
  .addCommand(runCommand())
  .addCommand(triggerCommand())
  .addCommand(emptiedCommand())
  .addCommand(benchCommand())
  .addCommand(configCommand())
  .addCommand(doctorCommand())
  .addCommand(calibrateCommand())
  .addCommand(modelCommand());

// As behind `| head`: who reads has seen enough, and the exit code is to be what it would have been.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  fail(error);
}
