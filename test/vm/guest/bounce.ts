import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Simulates a bad contact: pulls a line up and down `hz` times a second for `forMs`, and leaves it up.
 * Blocks this process meanwhile. `valueFile` comes from GpioSim. Returns the number of edges.
 */
export const bounce = (valueFile: string, hz: number, forMs: number): number => {
  const file = openSync(join(valueFile, '../pull'), 'w');
  const startMs = performance.now();
  const halfMs = 500 / hz;
  try {
    for (let edges = 1; ; edges++) {
      writeSync(file, edges % 2 ? 'pull-up' : 'pull-down', 0);
      const nextMs = startMs + edges * halfMs;
      while (performance.now() < nextMs);
      if (edges % 2 && performance.now() - startMs >= forMs) return edges;
    }
  } finally {
    closeSync(file);
  }
};
