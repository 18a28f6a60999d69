import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Trigger, TriggerSource } from '../../device/hardware/trigger/trigger.js';

/** A trigger source, and a test that moves items past its sensor. */
export interface TriggerBench {
  readonly source: TriggerSource;
  /** Moves an item past the sensor. `stays`: the item is still present at the next reading of the level. */
  passItem(stays: boolean): Promise<void>;
  /** The source has no sensor, so its level is always false. */
  readonly hasNoSensor?: true;
  nowMs(): number;
  /** Advances the clock until a level is measured. */
  awaitLevel?(level: Promise<boolean>): Promise<boolean>;
}

const neverAborted = new AbortController().signal;

export const triggerContract = (name: string, make: () => TriggerBench | Promise<TriggerBench>) =>
  describe(`trigger: ${name}`, () => {
    it('does not trigger before the start and after the close', async () => {
      const { source, passItem } = await make();
      const triggers: Trigger[] = [];
      await passItem(false);
      source.start((trigger) => triggers.push(trigger));
      await source.close();
      await passItem(false);
      assert.deepEqual(triggers, []);
    });

    it('creates one trigger per item, with a unique id and the time of the item', async () => {
      const { source, passItem, nowMs } = await make();
      const triggers: Trigger[] = [];
      source.start((trigger) => triggers.push(trigger));
      const fromMs = nowMs();
      for (let item = 0; item < 3; item++) await passItem(false);
      await source.close();
      assert.equal(triggers.length, 3);
      assert.equal(new Set(triggers.map(({ id }) => id)).size, 3);
      for (const { atMs, source: name } of triggers) {
        assert.ok(atMs >= fromMs && atMs <= nowMs());
        assert.notEqual(name, '');
      }
    });

    it('reports by its level whether an item is present', async () => {
      const { source, passItem, hasNoSensor, awaitLevel = (level) => level } = await make();
      source.start(() => {});
      assert.equal(await awaitLevel(source.level(neverAborted)), false);
      await passItem(true);
      assert.equal(await awaitLevel(source.level(neverAborted)), !hasNoSensor);
      await source.close();
    });

    it('rejects a level if its signal is aborted', async () => {
      const { source } = await make();
      source.start(() => {});
      await assert.rejects(source.level(AbortSignal.abort(new Error('too late'))), /too late/);
      await source.close();
    });
  });
