import type { Clock } from '../../kit/clock.js';

/** Returns `setInterval` and `clearInterval` on a clock, in the shape of mqtt.js's `timerVariant` option. */
export const makeIntervals = (clock: Clock) => {
  const cancels = new Map<number, () => void>();
  let lastId = 0;
  return {
    set(task: () => void, everyMs: number): number {
      const id = ++lastId;
      const schedule = () => {
        cancels.set(
          id,
          clock.after(everyMs, () => {
            schedule();
            task();
          }),
        );
      };
      schedule();
      return id;
    },
    clear(id: number): void {
      cancels.get(id)?.();
      cancels.delete(id);
    },
  };
};
