import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What a bad contact does to a line: it goes up and down so many times a second, and is up at the end. Nothing of this
 * process runs meanwhile. Gives the edges. `valueFile`: GpioSim's.
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
