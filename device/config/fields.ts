import { z } from 'zod';

// The kinds of values that the parts are made of. A `title` is what messages and the reference page say is allowed
// where the bare rule (a pattern) would be hard to read.

/** Milliseconds as a whole number. */
export const ms = (from: number, to: number, preset: number, meaning: string) =>
  whole(from, to, preset, meaning);

export const whole = (from: number, to: number, preset: number, meaning: string) =>
  z.number().int().min(from).max(to).default(preset).describe(meaning);

/** Of what an ultrasonic sensor measures through. */
export const airTemperatureC = () =>
  z.number().min(-20).max(60).default(20).describe('Of the air: sound is faster in warm air');

/** 0 to 1. */
export const share = () => z.number().min(0).max(1);

export const text = (longest = 200) => z.string().min(1).max(longest);

/** A file or folder. */
export const path = () => text(4096).meta({ title: 'a path of 1 to 4096 characters' });

/** What a bin and a compartment are called: fit for topics and file names. */
export const shortName = () =>
  z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/)
    .meta({
      title: 'a name of 1 to 63 characters: a-z, 0-9, _ or -, a letter or digit first',
    });

/** A class of the model. */
export const label = () => text(100);

/** At most this many steps: a script is for demonstrations and tests. */
export const script = <Step extends z.ZodType>(step: Step) => z.array(step).max(1000);

export const hang = () => z.strictObject({ hang: z.literal(true).describe('Never answers') });

/** The driver of a part that is taken when the part names none. One per part. */
export const defaultDriver = <Name extends string>(name: Name, meaning: string) =>
  z.literal(name).optional().default(name).describe(meaning);

export const driver = <Name extends string>(name: Name, meaning: string) => z.literal(name).describe(meaning);
