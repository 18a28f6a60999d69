import type { z } from 'zod';

// What no value alone shows to be wrong: problems of values that do not fit each other, or what is made of them.

type Path = (string | number)[];

/** A line's name is no longer: sortbin-io holds to it. */
const LONGEST_LINE_NAME = 31;

export interface Report {
  value(path: Path, allowed: string): void;
  /** Where the line that is called after the key at `path`, as `gate-NAME.end`, would have too long a name. */
  lineName(path: Path, before: string, after?: string): void;
}

export const reportTo = (context: z.core.$RefinementCtx): Report => ({
  value: (path, message) => context.addIssue({ code: 'custom', path, message }),
  lineName: (path, before, after = '') => {
    const longest = LONGEST_LINE_NAME - before.length - after.length;
    if (String(path.at(-1)).length <= longest) return;
    const message = `a name of at most ${longest} characters, since its line is called "${before}NAME${after}"`;
    context.addIssue({ code: 'custom', path, message, params: NAME });
  },
});

const NAME = { isOfName: true };

/** Whether it is the key that is wrong, and not what stands there. */
export const isOfName = (params: Record<string, unknown> | undefined): boolean => params?.isOfName === true;
