import { z } from 'zod';
import { ms, shortName, whole } from './fields.js';
import { inputOf } from './lines.js';

// What the gates on lines have in common.

export const patience = {
  passive: z
    .array(shortName())
    .max(100)
    .default([])
    .describe('Compartments into which things fall by themselves: the gate does not move'),
  home: inputOf({ debounceMs: 10 }, 'Switch that is active while the gate is at home'),
  lid: inputOf({ debounceMs: 10 }, 'Finger guard: while it is active nothing moves, and what moves stops'),
  homeMs: ms(10, 60_000, 2_000, 'In this time in ms the home switch has to become active'),
  retries: whole(0, 10, 1, 'How many more times a jammed move is tried'),
  backOffMs: ms(0, 60_000, 500, 'The pause before that in ms, with everything off'),
};

export const end = inputOf(
  { debounceMs: 10 },
  'Switch that is active once the gate is there; without one the time says it',
);
