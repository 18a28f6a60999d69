import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Trigger, TriggerSource } from '../../device/hardware/trigger/trigger.js';

/** A source, and a hand that lets items pass its sensor. */
export interface TriggerBench {
  readonly source: TriggerSource;
  /** Something passes the sensor; `stays`: and is there still when the level is read next. */
  passItem(stays: boolean): Promise<void>;
  /** It has no sensor: its level never shows anything. */
  readonly hasNoSensor?: true;
  nowMs(): number;
  /** Gives a level the time that it takes. */
  read?(level: Promise<boolean>): Promise<boolean>;
}

const never = new AbortController().signal;

export const triggerContract = (name: string, make: () => TriggerBench | Promise<TriggerBench>) =>
  describe(`trigger: ${name}`, () => {
    it('says nothing before it is started and after it is closed', async () => {
      const { source, passItem: pass } = await make();
      const heard: Trigger[] = [];
      await pass(false);
      source.start((trigger) => heard.push(trigger));
      await source.close();
      await pass(false);
      assert.deepEqual(heard, []);
    });

    it('gives each item one trigger with an id of its own and the time at which it came', async () => {
      const { source, passItem: pass, nowMs } = await make();
      const heard: Trigger[] = [];
      source.start((trigger) => heard.push(trigger));
      const fromMs = nowMs();
      for (let item = 0; item < 3; item++) await pass(false);
      await source.close();
      assert.equal(heard.length, 3);
      assert.equal(new Set(heard.map(({ id }) => id)).size, 3);
      for (const { atMs, source: spoke } of heard) {
        assert.ok(atMs >= fromMs && atMs <= nowMs());
        assert.notEqual(spoke, '');
      }
    });

    it('shows by its level whether something is there', async () => {
      const { source, passItem: pass, hasNoSensor: blind, read: look = (level) => level } = await make();
      source.start(() => {});
      assert.equal(await look(source.level(never)), false);
      await pass(true);
      assert.equal(await look(source.level(never)), !blind);
      await source.close();
    });

    it('gives up a level when its signal is aborted', async () => {
      const { source } = await make();
      source.start(() => {});
      await assert.rejects(source.level(AbortSignal.abort(new Error('too late'))), /too late/);
      await source.close();
    });
  });
