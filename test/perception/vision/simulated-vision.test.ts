import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { type SimulatedStep, SimulatedVision } from '../../../device/perception/vision/simulated-vision.js';

const labels = ['paper', 'metal', 'plastic', 'trash'];
const frame = { id: 'f', bytes: new Uint8Array(), capturedAtMs: 0, capturedAtWallMs: 0 };
const never = new AbortController().signal;

const open = async (...script: SimulatedStep[]) => {
  const clock = new SimulatedClock();
  const vision = new SimulatedVision({ labels, script, clock });
  await vision.start(never);
  return { clock, vision };
};

test('answers step by step, then starts again', async () => {
  const { vision } = await open(
    { label: 'metal', confidence: 0.7 },
    { scores: { paper: 3, trash: 1 }, unfamiliar: true },
    { fault: 'picture-blank' },
  );
  for (const round of [1, 2]) {
    const first = await vision.classify(frame, never);
    assert.ok(first.ok, `round ${round}`);
    assert.equal(first.value.label, 'metal');
    assert.equal(first.value.confidence, 0.7);
    const { metal: _, ...rest } = first.value.scores;
    for (const score of Object.values(rest)) assert.ok(Math.abs(score - 0.1) < 1e-12);
    const second = await vision.classify(frame, never);
    assert.ok(second.ok);
    assert.deepEqual(second.value.scores, { paper: 0.75, metal: 0, plastic: 0, trash: 0.25 });
    assert.equal(second.value.unfamiliar?.flag, true);
    const third = await vision.classify(frame, never);
    assert.ok(!third.ok);
    assert.equal(third.fault.code, 'picture-blank');
  }
});

test('delays the answer by the time in the script', async () => {
  const { clock, vision } = await open({ label: 'paper', confidence: 1, delayMs: 40 });
  const answer = vision.classify(frame, never);
  await clock.advance(39);
  assert.equal(clock.waiting, 1);
  await clock.advance(1);
  const result = await answer;
  assert.ok(result.ok);
  assert.equal(result.value.timingsMs.invoke, 40);
});

test('a deadline ends a delay and removes its timer', async () => {
  const { clock, vision } = await open({ label: 'paper', confidence: 1, delayMs: 40 });
  const deadline = new AbortController();
  const answer = vision.classify(frame, deadline.signal);
  deadline.abort();
  const result = await answer;
  assert.ok(!result.ok && result.fault.code === 'vision-timeout');
  assert.equal(clock.waiting, 0);
});

for (const [defect, script, message] of [
  ['no step', [], /^vision\.script: no step$/],
  [
    'an unknown label',
    [{ label: 'glass', confidence: 0.9 }],
    /unknown label glass\. Use one of paper, metal/,
  ],
  ['a label that would not be the top one', [{ label: 'paper', confidence: 0.25 }], /must be over 1\/4/],
  ['scores without a sum', [{ scores: { paper: 0 } }], /scores must be 0 or more, and at least one above 0/],
] as const) {
  test(`refuses a script with ${defect}`, () => {
    const make = () => new SimulatedVision({ labels, script, clock: new SimulatedClock() });
    assert.throws(make, { code: 'vision-script', message });
  });
}
