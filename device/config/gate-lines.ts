import { z } from 'zod';
import { driver, ms, shortName } from './fields.js';
import { end, patience } from './gate-patience.js';
import { outputLine } from './lines.js';
import { reportTo } from './report.js';

/** A gate of outputs: a member of the union `gate`. */
export const linesGate = z
  .strictObject({
    driver: driver('lines', 'One output for each compartment: solenoids, or the enables of a motor driver'),
    compartments: z
      .record(
        shortName(),
        z.strictObject({
          output: outputLine({ maxOnMs: 1_500, minOffMs: 200 }).describe('What moves the gate there'),
          onMs: ms(1, 60_000, 400, 'It is on for so long in ms; with an end switch, at most'),
          settleMs: ms(0, 60_000, 400, 'The item falls and the gate springs back in this time in ms'),
          end,
        }),
      )
      .default({})
      .describe('The ways of the gate'),
    ...patience,
  })
  .superRefine(({ compartments }, context) => {
    const report = reportTo(context);
    for (const [name, { output, onMs, end }] of Object.entries(compartments)) {
      const path = ['compartments', name];
      report.lineName(path, 'gate-', end ? '.end' : '');
      if (onMs > output.maxOnMs) report.value([...path, 'onMs'], `at most output.maxOnMs, ${output.maxOnMs}`);
    }
  });
