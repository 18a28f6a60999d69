import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Panel, Press } from '../../device/hardware/panel/panel.js';

export interface PanelBench {
  readonly panel: Panel;
  /** What somebody in front of the bin sees: a state, or `off`. */
  shown(): string;
  /** Presses the button, and lets it go. */
  press(): Promise<void>;
  nowMs(): number;
  pass(ms: number): Promise<void>;
}

export const panelContract = (name: string, make: () => PanelBench | Promise<PanelBench>) =>
  describe(`panel: ${name}`, () => {
    it('shows nothing, then what it is told last, and nothing once it is closed', async () => {
      const { panel, shown, pass } = await make();
      const seen = [shown()];
      for (const state of ['ready', 'busy', 'refused', 'fault', 'fault', 'off', 'ready'] as const) {
        panel.show(state);
        await pass(10);
        seen.push(shown());
      }
      const closed = panel.close();
      await pass(10);
      await closed;
      panel.show('fault');
      await pass(10);
      seen.push(shown());
      assert.deepEqual(seen, ['off', 'ready', 'busy', 'refused', 'fault', 'fault', 'off', 'ready', 'off']);
    });

    it('tells each listener of each press, with its time, until it forgets or is closed', async () => {
      const { panel, press, nowMs } = await make();
      const [one, other]: [Press[], Press[]] = [[], []];
      const forget = panel.onWrong((made) => one.push(made));
      panel.onWrong((made) => other.push(made));
      const fromMs = nowMs();
      await press();
      forget();
      await press();
      await panel.close();
      await press();
      assert.deepEqual([one.length, other.length], [1, 2]);
      for (const { atMs } of other) assert.ok(atMs >= fromMs && atMs <= nowMs());
    });

    it('lights an item, again and again, and gives up when aborted', async () => {
      const { panel, pass } = await make();
      for (let item = 0; item < 2; item++) {
        const over = new AbortController();
        const on = panel.light.on(over.signal);
        await pass(1_000);
        assert.ok((await on).ok);
        over.abort(new Error('the frame is there'));
      }
      await assert.rejects(panel.light.on(AbortSignal.abort(new Error('too late'))), /too late/);
      await panel.close();
    });
  });
