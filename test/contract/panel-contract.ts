import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Panel, Press } from '../../device/hardware/panel/panel.js';

export interface PanelBench {
  readonly panel: Panel;
  /** The visible state, or `off`. */
  shown(): string;
  /** Presses and releases the button. */
  press(): Promise<void>;
  nowMs(): number;
  pass(ms: number): Promise<void>;
}

export const panelContract = (name: string, make: () => PanelBench | Promise<PanelBench>) =>
  describe(`panel: ${name}`, () => {
    it('is off at the start, shows the last state, and is off after it is closed', async () => {
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

    it('calls each listener at each press with its time, until the listener is removed or the panel is closed', async () => {
      const { panel, press, nowMs } = await make();
      const [removed, kept]: [Press[], Press[]] = [[], []];
      const unsubscribe = panel.onWrong((press) => removed.push(press));
      panel.onWrong((press) => kept.push(press));
      const fromMs = nowMs();
      await press();
      unsubscribe();
      await press();
      await panel.close();
      await press();
      assert.deepEqual([removed.length, kept.length], [1, 2]);
      for (const { atMs } of kept) assert.ok(atMs >= fromMs && atMs <= nowMs());
    });

    it('lights several items in turn, and rejects if the signal is aborted', async () => {
      const { panel, pass } = await make();
      for (let item = 0; item < 2; item++) {
        const abort = new AbortController();
        const on = panel.light.on(abort.signal);
        await pass(1_000);
        assert.ok((await on).ok);
        abort.abort(new Error('captured'));
      }
      await assert.rejects(panel.light.on(AbortSignal.abort(new Error('too late'))), /too late/);
      await panel.close();
    });
  });
