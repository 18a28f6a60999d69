import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Fill, FillLevel } from '../../device/hardware/fill/fill.js';

/** Two compartments, `paper` and `glass`, that become full at 90 % and clear at 70 %. The test sets their levels. */
export interface FillBench {
  readonly fill: Fill;
  /** Sets a level. Resolves when it has been measured. */
  set(compartment: 'paper' | 'glass', percent: number): Promise<void>;
}

export const fillContract = (name: string, make: () => FillBench) =>
  describe(`fill: ${name}`, () => {
    const levelOf = (fill: Fill, compartment: string): FillLevel | undefined =>
      fill.levels().find((level) => level.compartment === compartment);

    it('lists each compartment in order, without a level before the first measurement', async () => {
      const { fill } = make();
      assert.deepEqual(
        fill.levels(),
        ['paper', 'glass'].map((compartment) => ({ compartment, percent: null, full: false, fault: null })),
      );
      await fill.close();
    });

    it('calls its listeners only for changes of a level', async () => {
      const { fill, set } = make();
      fill.start();
      await set('paper', 20);
      await set('glass', 20);
      const changes: [string, number | null][] = [];
      const unsubscribe = fill.onChange(({ compartment, percent }) => changes.push([compartment, percent]));
      await set('paper', 40);
      await set('paper', 40);
      await set('glass', 10);
      unsubscribe();
      await set('glass', 60);
      assert.deepEqual(changes, [
        ['paper', 40],
        ['glass', 10],
      ]);
      assert.equal(levelOf(fill, 'glass')?.percent, 60);
      await fill.close();
    });

    it('becomes full at one percentage and clear at another', async () => {
      const { fill, set } = make();
      fill.start();
      const full: boolean[] = [];
      for (const percent of [89, 90, 75, 71, 70, 89, 95]) {
        await set('paper', percent);
        full.push(levelOf(fill, 'paper')?.full ?? false);
      }
      assert.deepEqual(full, [false, true, true, true, false, false, true]);
      await fill.close();
    });

    it('starts again from 0 for an emptied compartment', async () => {
      const { fill, set } = make();
      fill.start();
      await set('paper', 95);
      await set('glass', 95);
      const changes: FillLevel[] = [];
      fill.onChange((level) => changes.push(level));
      assert.equal(fill.markEmptied('paper'), true);
      assert.deepEqual(changes, [{ compartment: 'paper', percent: 0, full: false, fault: null }]);
      assert.equal(levelOf(fill, 'glass')?.full, true);
      await set('paper', 75);
      assert.deepEqual([levelOf(fill, 'paper')?.percent, levelOf(fill, 'paper')?.full], [75, false]);
      assert.equal(fill.markEmptied('batteries'), false);
      await fill.close();
    });

    it('calls no listener after it is closed', async () => {
      const { fill, set } = make();
      const changes: FillLevel[] = [];
      fill.onChange((level) => changes.push(level));
      fill.start();
      await fill.close();
      await set('paper', 50);
      assert.deepEqual(changes, []);
    });
  });
