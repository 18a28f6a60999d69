import type { Clock } from '../../kit/clock.js';

/** setInterval and clearInterval by a clock: what mqtt.js wants for its keepalive. */
export const makeIntervals = (clock: Clock) => {
  const running = new Map<number, () => void>();
  let lastId = 0;
  return {
    set(task: () => void, everyMs: number): number {
      const id = ++lastId;
      const again = () => {
        running.set(
          id,
          clock.after(everyMs, () => {
            again();
            task();
          }),
        );
      };
      again();
      return id;
    },
    clear(id: number): void {
      running.get(id)?.();
      running.delete(id);
    },
  };
};
