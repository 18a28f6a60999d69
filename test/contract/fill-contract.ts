import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Fill, FillLevel } from '../../device/hardware/fill/fill.js';

/** Two compartments, `paper` and `glass`, full at 90 and no longer full at 70, and a hand that fills them. */
export interface FillBench {
  readonly fill: Fill;
  /** So full it is, and that was noticed. */
  set(compartment: 'paper' | 'glass', percent: number): Promise<void>;
}

export const fillContract = (name: string, make: () => FillBench) =>
  describe(`fill: ${name}`, () => {
    const of = (fill: Fill, compartment: string): FillLevel | undefined =>
      fill.levels().find((level) => level.compartment === compartment);

    it('names each compartment in order, without a level before one is measured', async () => {
      const { fill } = make();
      assert.deepEqual(
        fill.levels(),
        ['paper', 'glass'].map((compartment) => ({ compartment, percent: null, full: false, fault: null })),
      );
      await fill.close();
    });

    it('tells its listeners of each change of a level, and of nothing else', async () => {
      const { fill, set } = make();
      fill.start();
      await set('paper', 20);
      await set('glass', 20);
      const heard: [string, number | null][] = [];
      const forget = fill.onChange(({ compartment, percent }) => heard.push([compartment, percent]));
      await set('paper', 40);
      await set('paper', 40);
      await set('glass', 10);
      forget();
      await set('glass', 60);
      assert.deepEqual(heard, [
        ['paper', 40],
        ['glass', 10],
      ]);
      assert.equal(of(fill, 'glass')?.percent, 60);
      await fill.close();
    });

    it('is full from one percentage on, and until another', async () => {
      const { fill, set } = make();
      fill.start();
      const full: boolean[] = [];
      for (const percent of [89, 90, 75, 71, 70, 89, 95]) {
        await set('paper', percent);
        full.push(of(fill, 'paper')?.full ?? false);
      }
      assert.deepEqual(full, [false, true, true, true, false, false, true]);
      await fill.close();
    });

    it('begins afresh with a compartment that was emptied', async () => {
      const { fill, set } = make();
      fill.start();
      await set('paper', 95);
      await set('glass', 95);
      const heard: FillLevel[] = [];
      fill.onChange((level) => heard.push(level));
      assert.equal(fill.markEmptied('paper'), true);
      assert.deepEqual(heard, [{ compartment: 'paper', percent: 0, full: false, fault: null }]);
      assert.equal(of(fill, 'glass')?.full, true);
      await set('paper', 75);
      assert.deepEqual([of(fill, 'paper')?.percent, of(fill, 'paper')?.full], [75, false]);
      assert.equal(fill.markEmptied('batteries'), false);
      await fill.close();
    });

    it('tells nothing after it is closed', async () => {
      const { fill, set } = make();
      const heard: FillLevel[] = [];
      fill.onChange((level) => heard.push(level));
      fill.start();
      await fill.close();
      await set('paper', 50);
      assert.deepEqual(heard, []);
    });
  });
