import { Command } from 'commander';
import { endAhead, forkAhead } from '../../perception/vision/fork.js';
import { CONFIG_OPTION } from './config-option.js';

export const runCommand = (): Command =>
  new Command('run')
    .description('run the bin')
    .option(...CONFIG_OPTION)
    .action(async ({ config }: { config?: string }) => {
      forkAhead();
      try {
        // Loads most of the program. Meanwhile, the vision process loads its own.
        const { run } = await import('./run-bin.js');
        await run(config);
      } finally {
        endAhead();
      }
    });
