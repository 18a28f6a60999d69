import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { step } from '../../device/cycle/machine.js';
import {
  type Effect,
  type Finished,
  initialState,
  type Response,
  type State,
} from '../../device/cycle/state.js';
import { aFrame, aTrigger, classified, LIMITS } from '../support/cycle.js';

/** Drives the machine step by step and records its effects. */
class Drive {
  state: State = initialState;
  effects: Effect[] = [];
  #nowMs = 100;
  #items = 0;

  input(
    input: Parameters<typeof step>[1] extends infer I ? (I extends unknown ? Omit<I, 'atMs'> : never) : never,
  ) {
    this.#nowMs += 10;
    const turn = step(this.state, { ...input, atMs: this.#nowMs } as Parameters<typeof step>[1], LIMITS);
    this.state = turn.state;
    this.effects = [...turn.effects];
    return this;
  }

  trigger(id = 't1') {
    return this.input({ type: 'trigger', trigger: aTrigger(id, this.#nowMs), itemId: `i${++this.#items}` });
  }

  /** Answers the request that the phase waits for. */
  answer(answer: Response) {
    return this.input({ type: 'answer', op: this.state.op ?? -1, answer });
  }

  recorded() {
    return this.input({ type: 'answer', op: this.state.item?.recordOp ?? -1, answer: { kind: 'recorded' } });
  }

  level(present: boolean) {
    const trigger = { ...aTrigger('again', this.#nowMs), source: 'still-there' };
    return this.answer({ kind: 'level', present, trigger, itemId: `i${++this.#items}` });
  }

  timeout() {
    return this.input({ type: 'timeout', op: this.state.op ?? -1 });
  }

  fault(code: string) {
    return this.input({ type: 'fault', op: this.state.op ?? -1, fault: { code, message: code } });
  }

  asked(): string[] {
    return this.effects.flatMap((effect) => (effect.type === 'request' ? [effect.request.kind] : []));
  }

  finished(): Finished[] {
    return this.effects.flatMap((effect) => (effect.type === 'finish' ? [effect.finished] : []));
  }

  health(): string[] {
    return this.effects.flatMap((effect) =>
      effect.type === 'health' ? [`${effect.part}:${effect.fault?.code ?? 'ok'}`] : [],
    );
  }
}

const idle = () => new Drive().input({ type: 'start' }).answer({ kind: 'homed' }).level(false);
const moved: Response = { kind: 'moved', move: { commandedAtMs: 200, homeAtMs: 900 } };
const frame: Response = { kind: 'frame', frame: aFrame(Number.MAX_SAFE_INTEGER) };
const moving = () => idle().trigger().recorded().answer(frame).answer(classified());

describe('the cycle', () => {
  it('moves the gate home first, then reads the level of the sensor', () => {
    const drive = new Drive().input({ type: 'start' });
    assert.deepEqual(drive.asked(), ['home']);
    drive.answer({ kind: 'homed' });
    assert.deepEqual(drive.asked(), ['level']);
    drive.level(false);
    assert.equal(drive.state.phase, 'idle');
  });

  it('runs trigger, frame, classification, move, event, level', () => {
    const drive = idle().trigger();
    assert.deepEqual(drive.asked(), ['record', 'capture']);
    drive.recorded().answer(frame);
    assert.deepEqual(drive.asked(), ['classify']);
    drive.answer(classified());
    assert.deepEqual(drive.asked(), ['move']);
    drive.answer(moved);
    assert.deepEqual(drive.asked(), ['level']);
    assert.equal(drive.finished()[0]?.outcome, 'sorted');
    drive.level(false);
    assert.equal(drive.state.phase, 'idle');
  });

  it('does not move the gate before the row is on disk', () => {
    const drive = idle().trigger().answer(frame).answer(classified());
    assert.deepEqual(drive.asked(), []);
    assert.equal(drive.state.phase, 'recording');
    drive.recorded();
    assert.deepEqual(drive.asked(), ['move']);
  });

  it('does not move the gate if the row cannot be written', () => {
    const drive = idle().trigger().answer(frame).answer(classified());
    drive.input({ type: 'timeout', op: drive.state.item?.recordOp ?? -1 });
    assert.deepEqual(drive.asked(), ['level']);
    assert.deepEqual(
      drive.finished().map(({ outcome, decision }) => [outcome, decision?.reason]),
      [['failed', 'journal-down']],
    );
  });

  it('refuses a hazard without a move and does not read the level afterwards', () => {
    const drive = idle().trigger().recorded().answer(frame).answer(classified(null));
    assert.equal(drive.finished()[0]?.outcome, 'refused');
    assert.deepEqual(drive.asked(), []);
    assert.equal(drive.state.phase, 'idle');
  });

  it('refuses a frame that is older than its trigger', () => {
    const drive = idle().trigger();
    const stale = { kind: 'frame', frame: aFrame(drive.state.item?.trigger.atMs) } as const;
    drive.answer(stale);
    assert.equal(drive.finished()[0]?.fault?.code, 'camera-stale');
    assert.equal(drive.finished()[0]?.decision?.reason, 'camera-down');
  });

  it('counts the triggers that arrive while it is busy in one event', () => {
    const drive = moving().trigger('t2').trigger('t3').trigger('t4').answer(moved);
    assert.deepEqual(
      drive.finished().map(({ item, outcome, count }) => [item.id, outcome, count]),
      [
        ['i2', 'sorted', undefined],
        ['i3', 'ignored', 3],
      ],
    );
  });

  it('treats an item that is present when the gate is home as new, and as stuck after the limit', () => {
    const drive = moving();
    for (let time = 1; time <= LIMITS.stillThereLimit; time++) {
      drive.answer(moved).level(true);
      assert.equal(drive.state.item?.trigger.source, 'still-there');
      drive.recorded().answer(frame).answer(classified());
    }
    drive.answer(moved).level(true);
    assert.deepEqual(drive.health(), ['sensor:ok', 'item:item-stuck']);
    drive.trigger().recorded().answer(frame).answer(classified()).answer(moved).level(false);
    assert.ok(drive.health().includes('item:ok'));
  });

  it('reads the level repeatedly until a stuck item is gone', () => {
    const drive = moving();
    for (let time = 0; time < LIMITS.stillThereLimit; time++)
      drive.answer(moved).level(true).recorded().answer(frame).answer(classified());
    drive.answer(moved).level(true);
    for (let time = 0; time < 3; time++) {
      assert.deepEqual(drive.asked(), ['pause']);
      drive.answer({ kind: 'paused' });
      assert.deepEqual(drive.asked(), ['level']);
      drive.level(true);
      assert.equal(drive.state.item, null);
      assert.deepEqual(drive.health(), ['sensor:ok', 'item:item-stuck']);
    }
    drive.answer({ kind: 'paused' }).level(false);
    assert.deepEqual(drive.health(), ['sensor:ok', 'item:ok']);
    assert.equal(drive.state.phase, 'idle');
  });

  it('waits while hands are in the bin, without counting the item as stuck', () => {
    const drive = moving();
    for (let time = 0; time < LIMITS.stillThereLimit + 3; time++) {
      drive.fault('gate-guarded').answer({ kind: 'homed' });
      assert.equal(drive.finished()[0]?.fault?.code, 'gate-guarded');
      assert.deepEqual(drive.asked(), ['pause']);
      drive.answer({ kind: 'paused' }).level(true);
      assert.deepEqual(drive.health(), ['sensor:ok']);
      drive.recorded().answer(frame).answer(classified());
      assert.equal(drive.state.phase, 'moving');
    }
  });

  it('reads the level again after a sensor fault, and finds an item that arrived meanwhile', () => {
    const drive = moving().answer(moved).fault('line-gone');
    assert.deepEqual(drive.health(), ['sensor:line-gone']);
    assert.deepEqual(drive.asked(), ['pause']);
    drive.answer({ kind: 'paused' });
    assert.deepEqual(drive.asked(), ['level']);
    drive.level(true);
    assert.equal(drive.state.item?.trigger.source, 'still-there');
  });

  it('starts the next item on a trigger during a level reading, and ignores the late level', () => {
    const drive = moving().answer(moved);
    const late = drive.state.op ?? -1;
    drive.trigger('t2');
    assert.equal(drive.state.phase, 'capturing');
    const before = drive.state;
    drive.input({
      type: 'answer',
      op: late,
      answer: { kind: 'level', present: true, trigger: aTrigger('x'), itemId: 'x' },
    });
    assert.deepEqual(drive.state, before);
    assert.deepEqual(drive.effects, []);
  });

  it('fails the item if the vision process dies, without moving the gate', () => {
    const drive = idle().trigger().recorded().answer(frame).fault('vision-died');
    assert.deepEqual(drive.asked(), ['level']);
    assert.equal(drive.finished()[0]?.decision?.reason, 'runtime-down');
    assert.deepEqual(drive.health(), ['vision:vision-died']);
  });

  it('reports a broken image as a fault of the camera', () => {
    const drive = idle().trigger().recorded().answer(frame).fault('picture-broken');
    assert.equal(drive.finished()[0]?.decision?.reason, 'camera-down');
  });

  it('moves a jammed gate home before anything else', () => {
    const drive = moving().fault('gate-jammed');
    assert.deepEqual(drive.asked(), ['home']);
    assert.deepEqual(drive.finished(), []);
    drive.answer({ kind: 'homed' });
    assert.deepEqual(
      drive.finished().map(({ outcome, fault }) => [outcome, fault?.code]),
      [['failed', 'gate-jammed']],
    );
    assert.deepEqual(drive.asked(), ['level']);
  });

  it('pauses with a gate that is not home, then retries', () => {
    const drive = moving().timeout();
    assert.deepEqual(drive.health(), ['gate:gate-timeout']);
    drive.timeout();
    assert.deepEqual(drive.asked(), ['pause']);
    assert.equal(drive.finished()[0]?.decision?.reason, 'gate-down');
    drive.answer({ kind: 'paused' });
    assert.deepEqual(drive.asked(), ['home']);
    drive.answer({ kind: 'homed' });
    assert.deepEqual(drive.health(), ['gate:ok']);
  });

  it('retries the gate at once on a trigger during the pause', () => {
    const drive = moving().timeout().timeout().trigger('t2');
    assert.deepEqual(drive.asked(), ['record', 'home']);
    drive.answer({ kind: 'homed' });
    assert.deepEqual(drive.asked(), ['capture']);
  });

  it('finishes the current item after a hold, and ignores later triggers until it is resumed', () => {
    const drive = moving().input({ type: 'hold' }).trigger('late').answer(moved);
    assert.deepEqual(
      drive.finished().map(({ outcome, decision }) => [outcome, decision?.reason]),
      [
        ['sorted', 'confident'],
        ['ignored', 'held'],
      ],
    );
    assert.equal(drive.state.phase, 'held');
    drive.trigger('t3');
    assert.deepEqual(drive.asked(), ['pause']);
    drive.trigger('t4').answer({ kind: 'paused' });
    assert.deepEqual(
      drive.finished().map(({ outcome, decision, count }) => [outcome, decision?.reason, count]),
      [['ignored', 'held', 2]],
    );
    assert.equal(drive.state.phase, 'held');
    assert.deepEqual(drive.input({ type: 'resume' }).asked(), ['home']);
    drive.answer({ kind: 'homed' }).level(true);
    assert.equal(drive.state.phase, 'capturing', 'an item that is still there is sorted now');
  });

  it('is held from its start, and ends a burst when it is resumed', () => {
    const drive = new Drive().input({ type: 'hold' }).input({ type: 'start' });
    assert.deepEqual([drive.state.phase, drive.asked()], ['held', []], 'the gate does not move');
    drive.trigger('t2').input({ type: 'resume' });
    assert.deepEqual(drive.finished()[0]?.count, 1);
    assert.equal(drive.state.phase, 'homing');
  });

  it('makes the gate safe first on a stop, then records the current item', () => {
    const drive = moving().trigger('t2').input({ type: 'stop' });
    assert.deepEqual(
      drive.effects.map((effect) => effect.type),
      ['safe', 'finish', 'finish'],
    );
    assert.deepEqual(
      drive.finished().map(({ outcome }) => outcome),
      ['interrupted', 'ignored'],
    );
    assert.deepEqual(drive.trigger('t3').effects, []);
  });
});
