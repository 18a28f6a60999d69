import type { Frame } from '../hardware/camera/camera.js';
import type { Trigger } from '../hardware/trigger/trigger.js';
import type { Fault } from '../kit/errors.js';
import type { Item, Limits, Part, Phase, Request, State, Transition } from './state.js';

// The building blocks of the machine: each adds state or effects to a transition. Pure.

/** Keeps the state, without effects. */
export const unchanged = (state: State): Transition => ({ state, effects: [] });

/** Sets keys of the current item, if there is one. */
export const withItem = (state: State, more: Partial<Item>): State =>
  state.item ? { ...state, item: { ...state.item, ...more } } : state;

/** Enters a phase that waits for a trigger or for the record. */
export const enterPhase = (transition: Transition, phase: Phase): Transition => ({
  ...transition,
  state: { ...transition.state, phase, op: null },
});

/** Enters a phase and requests its work. The answer to the request ends the phase. */
export const request = (
  transition: Transition,
  phase: Phase,
  request: Request,
  withinMs: number,
): Transition => {
  const op = transition.state.nextOp;
  return {
    state: { ...transition.state, phase, op, nextOp: op + 1 },
    effects: [...transition.effects, { type: 'request', op, withinMs, request }],
  };
};

/** Requests the journal row of an item. The phase stays. */
export const record = (state: State, id: string, trigger: Trigger, limits: Limits): Transition => ({
  state: { ...state, nextOp: state.nextOp + 1 },
  effects: [
    {
      type: 'request',
      op: state.nextOp,
      withinMs: limits.recordMs,
      request: { kind: 'record', id, trigger },
    },
  ],
});

export const home = (transition: Transition, phase: 'homing' | 'recovering', limits: Limits): Transition =>
  request(transition, phase, { kind: 'home' }, limits.homeMs);

export const readLevel = (transition: Transition, limits: Limits): Transition =>
  request(transition, 'looking', { kind: 'level' }, limits.levelMs);

export const pause = (transition: Transition, limits: Limits): Transition =>
  request(transition, 'resting', { kind: 'pause' }, limits.homeRetryMs);

export const capture = (transition: Transition, atMs: number, limits: Limits): Transition => {
  const afterMs = transition.state.item?.trigger.atMs ?? atMs;
  const state = withItem(transition.state, { askedAtMs: atMs });
  return request({ ...transition, state }, 'capturing', { kind: 'capture', afterMs }, limits.captureMs);
};

/** Reports the health of a part; null: it has recovered. */
export const health = (transition: Transition, part: Part, fault: Fault | null): Transition => ({
  ...transition,
  effects: [...transition.effects, { type: 'health', part, fault }],
});

/** Returns the fault of a frame that is not newer than the trigger. */
export const staleFault = (frame: Frame, item: Item | null): Fault | null => {
  if (!item || frame.capturedAtMs > item.trigger.atMs) return null;
  const ageMs = (item.trigger.atMs - frame.capturedAtMs).toFixed(1);
  return { code: 'camera-stale', message: `camera: the frame is ${ageMs} ms older than the trigger` };
};

const TIMEOUTS: Partial<Record<Phase, readonly [code: string, problem: string, limit: keyof Limits]>> = {
  capturing: ['camera-timeout', 'camera: no frame', 'captureMs'],
  classifying: ['vision-timeout', 'vision process: no answer', 'classifyMs'],
  moving: ['gate-timeout', 'gate: not home after a move', 'moveMs'],
  recovering: ['gate-timeout', 'gate: not home', 'homeMs'],
  homing: ['gate-timeout', 'gate: not home', 'homeMs'],
  looking: ['sensor-timeout', 'sensor: no level', 'levelMs'],
};

/** Returns the fault of a request that was not answered in time. */
export const timeoutFault = (state: State, op: number, limits: Limits): Fault => {
  const [code, problem, limit] =
    op === state.item?.recordOp
      ? (['journal-timeout', 'journal: row not written', 'recordMs'] as const)
      : (TIMEOUTS[state.phase] ?? (['timeout', 'no answer', 'levelMs'] as const));
  return { code, message: `${problem} within cycle.${limit}, ${limits[limit]} ms` };
};
