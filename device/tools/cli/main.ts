#!/usr/bin/env -S node --max-semi-space-size=1
// A small young generation saves a third of the memory and costs no measurable time: docs/performance.md.
import { Command } from 'commander';
import { packageVersion } from '../../kit/root.js';
import { benchCommand } from './bench.js';
import { emptiedCommand, triggerCommand } from './bin-commands.js';
import { calibrateCommand } from './calibrate.js';
import { configCommand } from './config.js';
import { doctorCommand } from './doctor.js';
import { eventsCommand } from './events.js';
import { reportError } from './failure.js';
import { modelCommand } from './model.js';
import { runCommand } from './run.js';
import { statusCommand } from './status.js';

const program = new Command('sortbin')
  .description('A bin that sorts the waste that is thrown into it.')
  .version(packageVersion())
  // Otherwise `--version` after `model add-edgetpu` would print the version of the program.
  .enablePositionalOptions()
  .addCommand(runCommand())
  .addCommand(statusCommand())
  .addCommand(triggerCommand())
  .addCommand(emptiedCommand())
  .addCommand(eventsCommand())
  .addCommand(benchCommand())
  .addCommand(configCommand())
  .addCommand(doctorCommand())
  .addCommand(calibrateCommand())
  .addCommand(modelCommand());

// A reader such as `| head` may close the pipe early. That must not change the exit code.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  reportError(error);
}
