import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BinEvent } from '../../device/cycle/event.js';
import { totalsOf } from '../../device/cycle/totals.js';
import { anEvent } from '../support/event.js';

const event = (parts: Partial<BinEvent>): BinEvent => anEvent({ decision: null, ...parts });

const decision = { compartment: 'paper', label: 'cardboard', confidence: 0.97, reason: 'confident' };

describe('the totals of an event', () => {
  it('count its outcome, its compartment, its label and its reason', () => {
    assert.deepEqual(totalsOf(event({ outcome: 'sorted', decision })).add, {
      'outcome/sorted': 1,
      'compartment/paper': 1,
      'label/cardboard': 1,
      'reason/confident': 1,
    });
  });

  it('count a compartment only if the item was sorted into it', () => {
    assert.deepEqual(totalsOf(event({ outcome: 'failed', decision })).add, {
      'outcome/failed': 1,
      'label/cardboard': 1,
      'reason/confident': 1,
    });
    const refused = { compartment: null, label: 'battery', confidence: 0.9, reason: 'hazard' };
    assert.deepEqual(totalsOf(event({ outcome: 'refused', decision: refused })).add, {
      'outcome/refused': 1,
      'label/battery': 1,
      'reason/hazard': 1,
    });
  });

  it('count all triggers of a burst', () => {
    assert.deepEqual(totalsOf(event({ outcome: 'ignored', count: 5 })).add, { 'outcome/ignored': 5 });
  });

  it('start a compartment again when it is emptied, and ignore a dispute', () => {
    const emptied = event({ outcome: 'emptied', compartment: 'paper' });
    assert.deepEqual(totalsOf(emptied), {
      add: {},
      set: { 'compartment/paper': 0, 'emptied/paper': Date.parse(emptied.at) },
    });
    assert.deepEqual(totalsOf(event({ outcome: 'disputed', item: 'other' })), { add: {}, set: {} });
  });
});
