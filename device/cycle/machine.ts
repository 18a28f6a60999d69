import type { Trigger } from '../hardware/trigger/trigger.js';
import type { Fault } from '../kit/errors.js';
import type { Decision, Reason } from './policy.js';
import type { Effect, Input, Item, Limits, Outcome, Response, State, Transition } from './state.js';
import {
  capture,
  enterPhase,
  health,
  home,
  pause,
  readLevel,
  record,
  request,
  staleFault,
  timeoutFault,
  unchanged,
  withItem,
} from './transition.js';

/**
 * Decides what the cycle does next. Pure: takes the state and one input, returns the next state and the effects to
 * perform. Each `request` effect is answered exactly once: by an answer, a fault, or a timeout after `withinMs`.
 * A late answer, to a request that the state no longer waits for, changes nothing.
 */
export const step = (state: State, input: Input, limits: Limits): Transition => {
  const { atMs } = input;
  if (state.phase === 'stopped') return unchanged(state);
  switch (input.type) {
    case 'start':
      return state.phase === 'new' ? start(state, atMs, limits) : unchanged(state);
    case 'stop':
      return stop(state, atMs);
    case 'hold':
      return hold(state);
    case 'resume':
      return resume(state, atMs, limits);
    case 'trigger':
      return handleTrigger(state, input.trigger, input.itemId, atMs, limits);
    case 'answer':
      if (input.op === state.item?.recordOp && input.answer.kind === 'recorded')
        return handleRecorded(state, atMs, limits);
      return input.op === state.op ? handleAnswer(state, input.answer, atMs, limits) : unchanged(state);
    case 'fault':
      return handleFault(state, input.op, input.fault, atMs, limits);
    case 'timeout':
      return handleFault(state, input.op, timeoutFault(state, input.op, limits), atMs, limits);
  }
};

const handleTrigger = (
  state: State,
  trigger: Trigger,
  id: string,
  atMs: number,
  limits: Limits,
): Transition => {
  switch (state.phase) {
    case 'idle':
    case 'looking':
    case 'resting':
      return begin({ ...state, stillThere: 0 }, trigger, id, atMs, limits);
    case 'held':
      return countHeld(countBurst(state, trigger, id), limits);
    case 'new':
    case 'homing':
      if (!state.item && !state.isHeld) return admit({ ...state, stillThere: 0 }, trigger, id, atMs, limits);
      return countBurst(state, trigger, id);
    default:
      return countBurst(state, trigger, id);
  }
};

/** Creates the item and requests its journal row. The cycle continues while the row is written. */
const admit = (state: State, trigger: Trigger, id: string, atMs: number, limits: Limits): Transition => {
  const item: Item = { id, trigger, recordOp: state.nextOp, recorded: 'waiting', askedAtMs: atMs };
  return record({ ...state, item }, id, trigger, limits);
};

const begin = (state: State, trigger: Trigger, id: string, atMs: number, limits: Limits): Transition => {
  const transition = admit(state, trigger, id, atMs, limits);
  return state.gateHome ? capture(transition, atMs, limits) : home(transition, 'homing', limits);
};

const countBurst = (state: State, trigger: Trigger, id: string): Transition => {
  const burst = state.burst
    ? { ...state.burst, count: state.burst.count + 1 }
    : { id, trigger, count: 1, isHeld: state.isHeld };
  return { state: { ...state, burst }, effects: [{ type: 'count', burst }] };
};

/** The burst of a held bin ends after a time, so that its event does not wait for `resume`. */
const countHeld = (counted: Transition, limits: Limits): Transition =>
  counted.state.op === null ? request(counted, 'held', { kind: 'pause' }, limits.heldMs) : counted;

/** The gate of a held bin does not move: hands may be in it. */
const start = (state: State, atMs: number, limits: Limits): Transition =>
  state.isHeld ? held(unchanged(state), atMs) : home(unchanged(state), 'homing', limits);

/** The current item goes on. Its end enters the phase `held`. */
const hold = (state: State): Transition => {
  const isFree = state.phase === 'idle' || state.phase === 'looking' || state.phase === 'resting';
  const held = unchanged({ ...state, isHeld: true });
  return isFree ? enterPhase(held, 'held') : held;
};

/** Brings the gate home again, because a lock may have stopped it, and then looks for an item. */
const resume = (state: State, atMs: number, limits: Limits): Transition => {
  const resumed: State = { ...state, isHeld: false };
  // The burst of the current item ends with it.
  const ended = state.item ? unchanged(resumed) : endBurst(resumed, atMs);
  return state.phase === 'held' ? home(ended, 'homing', limits) : ended;
};

const endBurst = (state: State, atMs: number): Transition => ({
  state: { ...state, burst: null },
  effects: finishEffects(state, 'ignored', atMs),
});

const handleRecorded = (state: State, atMs: number, limits: Limits): Transition => {
  const transition = health(unchanged(withItem(state, { recorded: 'yes' })), 'journal', null);
  return state.phase === 'recording' ? move(transition, atMs, limits) : transition;
};

const handleAnswer = (state: State, answer: Response, atMs: number, limits: Limits): Transition => {
  switch (answer.kind) {
    case 'homed': {
      const transition = health(unchanged({ ...state, gateHome: true }), 'gate', null);
      if (state.phase === 'recovering') return fail(transition, 'gate-down', atMs, limits);
      if (state.item) return capture(transition, atMs, limits);
      return state.isHeld ? held(transition, atMs) : readLevel(transition, limits);
    }
    case 'frame': {
      const fault = staleFault(answer.frame, state.item);
      if (fault) return handleFault(state, state.op, fault, atMs, limits);
      const captureMs = atMs - (state.item?.askedAtMs ?? atMs);
      const transition = health(
        unchanged(withItem(state, { frame: answer.frame, captureMs })),
        'camera',
        null,
      );
      const classify = { kind: 'classify', frame: answer.frame } as const;
      return request(transition, 'classifying', classify, limits.classifyMs);
    }
    case 'classified': {
      const { classification, decision, thresholds, decideMs } = answer;
      const transition = health(
        unchanged(withItem(state, { classification, decision, thresholds, decideMs })),
        'vision',
        null,
      );
      if (decision.compartment === null) return finish(transition, 'refused', atMs, limits);
      if (state.item?.recorded === 'waiting') return enterPhase(transition, 'recording');
      return move(transition, atMs, limits);
    }
    case 'moved': {
      const transition = health(
        unchanged({ ...withItem(state, { move: answer.move }), gateHome: true }),
        'gate',
        null,
      );
      return finish(transition, 'sorted', atMs, limits);
    }
    case 'level':
      return handleLevel(state, answer, atMs, limits);
    case 'paused':
      return handlePauseEnd(state, atMs, limits);
    case 'recorded':
      return unchanged(state);
  }
};

/** The level was read with the gate at home. An item that arrived meanwhile, or stayed, is a new trigger. */
const handleLevel = (
  state: State,
  level: Extract<Response, { kind: 'level' }>,
  atMs: number,
  limits: Limits,
): Transition => {
  const sensorHealthy = health(unchanged(state), 'sensor', null);
  if (!level.present)
    return enterPhase(health({ ...sensorHealthy, state: { ...state, stillThere: 0 } }, 'item', null), 'idle');
  const stillThere = state.stillThere + 1;
  if (stillThere <= limits.stillThereLimit) {
    const transition = begin({ ...state, stillThere }, level.trigger, level.itemId, atMs, limits);
    return { state: transition.state, effects: [...sensorHealthy.effects, ...transition.effects] };
  }
  const message =
    `sensor: an item is still present after ${limits.stillThereLimit} more tries. ` +
    'Remove it, or clean the sensor.';
  // The removal gives no edge if the sensor stays dark, so the level is read again after a pause.
  return pause(health(sensorHealthy, 'item', { code: 'item-stuck', message }), limits);
};

const handleFault = (
  state: State,
  op: number | null,
  fault: Fault,
  atMs: number,
  limits: Limits,
): Transition => {
  if (op !== null && op === state.item?.recordOp) {
    const transition = health(unchanged(withItem(state, { recorded: 'no' })), 'journal', fault);
    return state.phase === 'recording' ? move(transition, atMs, limits) : transition;
  }
  if (op === null || op !== state.op) return unchanged(state);
  const withFault = withItem(state, { fault });
  switch (state.phase) {
    case 'capturing':
      return fail(health(unchanged(withFault), 'camera', fault), 'camera-down', atMs, limits);
    case 'classifying': {
      const part = fault.code.startsWith('picture-') ? 'camera' : 'vision';
      const reason = part === 'camera' ? 'camera-down' : 'runtime-down';
      return fail(health(unchanged(withFault), part, fault), reason, atMs, limits);
    }
    case 'moving':
      return home(health(unchanged({ ...withFault, gateHome: false }), 'gate', fault), 'recovering', limits);
    case 'recovering':
      return fail(health(unchanged({ ...state, gateHome: false }), 'gate', fault), 'gate-down', atMs, limits);
    case 'homing': {
      const transition = health(unchanged({ ...withFault, gateHome: false }), 'gate', fault);
      if (state.item) return fail(transition, 'gate-down', atMs, limits);
      return state.isHeld ? held(transition, atMs) : pause(transition, limits);
    }
    case 'looking':
      return pause(health(unchanged(state), 'sensor', fault), limits);
    case 'resting':
    case 'held':
      return handlePauseEnd(state, atMs, limits);
    default:
      return unchanged(state);
  }
};

/** Moves the gate only if the row is on disk: no move without a record. */
const move = (transition: Transition, atMs: number, limits: Limits): Transition => {
  const { item } = transition.state;
  if (!item?.decision?.compartment) return transition;
  if (item.recorded !== 'yes') {
    const fault = {
      code: 'journal-down',
      message: 'journal: the row was not written. The gate did not move.',
    };
    const state = withItem(transition.state, { fault });
    return fail({ ...transition, state }, 'journal-down', atMs, limits);
  }
  const state = { ...withItem(transition.state, { moveAskedAtMs: atMs }), gateHome: false };
  const movement = { kind: 'move', compartment: item.decision.compartment } as const;
  return request({ ...transition, state }, 'moving', movement, limits.moveMs);
};

const fail = (transition: Transition, reason: Reason, atMs: number, limits: Limits): Transition => {
  const made = transition.state.item?.decision;
  const decision = { label: null, confidence: null, ...made, compartment: null, reason };
  return finish({ ...transition, state: withItem(transition.state, { decision }) }, 'failed', atMs, limits);
};

const finish = (transition: Transition, outcome: Outcome, atMs: number, limits: Limits): Transition => {
  const state = { ...transition.state, item: null, burst: null };
  const ended = {
    state,
    effects: [...transition.effects, ...finishEffects(transition.state, outcome, atMs)],
  };
  if (state.isHeld) return enterPhase(ended, 'held');
  if (!state.gateHome) return pause(ended, limits);
  // A guard or lock means that hands may be in the bin. An item that they hold is not stuck.
  if (HAND_FAULTS.has(transition.state.item?.fault?.code ?? ''))
    return request(
      { ...ended, state: { ...state, stillThere: 0 } },
      'resting',
      { kind: 'pause' },
      limits.handsMs,
    );
  // A refused item is known to be still present: the level gives no new information.
  return outcome === 'refused' ? enterPhase(ended, 'idle') : readLevel(ended, limits);
};

const HAND_FAULTS: ReadonlySet<string> = new Set(['gate-guarded', 'gate-locked']);

const HELD: Decision = { compartment: null, label: null, confidence: null, reason: 'held' };

const finishEffects = (state: State, outcome: Outcome, atMs: number): Effect[] => {
  const effects: Effect[] = [];
  const { item, burst } = state;
  if (item)
    effects.push({
      type: 'finish',
      finished: { item, outcome, decision: item.decision ?? null, fault: item.fault ?? null, atMs },
    });
  if (burst)
    effects.push({
      type: 'finish',
      finished: {
        item: burst,
        outcome: 'ignored',
        decision: burst.isHeld ? HELD : null,
        fault: null,
        count: burst.count,
        atMs,
      },
    });
  return effects;
};

const stop = (state: State, atMs: number): Transition => {
  const fault = { code: 'stopped', message: 'The daemon was stopped during this item.' };
  const ending = withItem(state, { fault });
  return {
    state: { ...state, phase: 'stopped', op: null, item: null, burst: null, gateHome: false },
    effects: [{ type: 'safe' }, ...finishEffects(ending, 'interrupted', atMs)],
  };
};

/** Retries a gate that is not home, or reads again a sensor that still detects an item. */
const handlePauseEnd = (state: State, atMs: number, limits: Limits): Transition => {
  if (state.phase === 'held') return held(unchanged(state), atMs);
  return state.gateHome ? readLevel(unchanged(state), limits) : home(unchanged(state), 'homing', limits);
};

/** Enters the phase `held`, and ends the burst that was counted before. */
const held = (transition: Transition, atMs: number): Transition => {
  const { state, effects } = endBurst(transition.state, atMs);
  return enterPhase({ state, effects: [...transition.effects, ...effects] }, 'held');
};
