import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Person, Press } from '../../device/hardware/panel/panel.js';

export interface PersonBench {
  readonly person: Person;
  /** What somebody in front of the bin sees: a state, or `off`. */
  shown(): string;
  /** Presses the button, and lets it go. */
  press(): Promise<void>;
  nowMs(): number;
  pass(ms: number): Promise<void>;
}

export const personContract = (name: string, make: () => PersonBench | Promise<PersonBench>) =>
  describe(`person: ${name}`, () => {
    it('shows nothing, then what it is told last, and nothing once it is closed', async () => {
      const { person, shown, pass } = await make();
      const seen = [shown()];
      for (const state of ['ready', 'busy', 'refused', 'fault', 'fault', 'off', 'ready'] as const) {
        person.show(state);
        await pass(10);
        seen.push(shown());
      }
      const closed = person.close();
      await pass(10);
      await closed;
      person.show('fault');
      await pass(10);
      seen.push(shown());
      assert.deepEqual(seen, ['off', 'ready', 'busy', 'refused', 'fault', 'fault', 'off', 'ready', 'off']);
    });

    it('tells each listener of each press, with its time, until it forgets or is closed', async () => {
      const { person, press, nowMs } = await make();
      const [one, other]: [Press[], Press[]] = [[], []];
      const forget = person.onWrong((made) => one.push(made));
      person.onWrong((made) => other.push(made));
      const fromMs = nowMs();
      await press();
      forget();
      await press();
      await person.close();
      await press();
      assert.deepEqual([one.length, other.length], [1, 2]);
      for (const { atMs } of other) assert.ok(atMs >= fromMs && atMs <= nowMs());
    });

    it('lights an item, again and again, and gives up when aborted', async () => {
      const { person, pass } = await make();
      for (let item = 0; item < 2; item++) {
        const over = new AbortController();
        const on = person.light.on(over.signal);
        await pass(1_000);
        assert.ok((await on).ok);
        over.abort(new Error('the frame is there'));
      }
      await assert.rejects(person.light.on(AbortSignal.abort(new Error('too late'))), /too late/);
      await person.close();
    });
  });
