#!/usr/bin/env -S node --max-semi-space-size=1
// A small young generation saves a third of the memory and costs no measurable time: docs/performance.md.
import { reportError } from './failure.js';

try {
  // Loads everything else here, so that an error of the loader, such as too many open files, is reported too.
  const { runProgram } = await import('./program.js');
  await runProgram();
} catch (error) {
  reportError(error);
}
