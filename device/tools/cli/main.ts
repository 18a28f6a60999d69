#!/usr/bin/env -S node --max-semi-space-size=1 --optimize-for-size
// Both options save memory, and cost little time: docs/performance.md.
import { closeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { reportError } from './failure.js';

// Node 20 and 22 abort at the exit if they cannot restore a terminal that was closed: nodejs/node#51519.
const terminals = [0, 1, 2].filter(isatty);
process.on('exit', () => {
  for (const fd of terminals) if (!isatty(fd)) closeSync(fd);
});

try {
  // Loads everything else here, so that an error of the loader, such as too many open files, is reported too.
  const { runProgram } = await import('./program.js');
  await runProgram();
} catch (error) {
  reportError(error);
}
