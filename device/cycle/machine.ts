import type { Frame } from '../hardware/camera/camera.js';
import type { Trigger } from '../hardware/trigger/trigger.js';
import type { Fault } from '../kit/errors.js';
import type { Reason } from './policy.js';
import type {
  Effect,
  Input,
  Item,
  Limits,
  Outcome,
  Part,
  Phase,
  Request,
  Response,
  State,
  Transition,
} from './state.js';

/**
 * The cycle: what happens next, and nothing else. Pure: `step` takes the state and one input and gives the next state
 * and the effects to perform. Each `ask` is answered exactly once, by an answer, a fault or a timeout within its
 * bound; an answer that nobody waits for any more changes nothing.
 */

export const step = (state: State, input: Input, limits: Limits): Transition => {
  const { atMs } = input;
  if (state.phase === 'stopped') return still(state);
  switch (input.type) {
    case 'start':
      return state.phase === 'new' ? home(still(state), 'homing', limits) : still(state);
    case 'stop':
      return stop(state, atMs);
    case 'trigger':
      return triggered(state, input.trigger, input.itemId, atMs, limits);
    case 'answer':
      if (input.op === state.item?.recordOp && input.answer.kind === 'recorded')
        return recorded(state, atMs, limits);
      return input.op === state.op ? answered(state, input.answer, atMs, limits) : still(state);
    case 'fault':
      return faulted(state, input.op, input.fault, atMs, limits);
    case 'timeout':
      return faulted(state, input.op, timeoutFault(state, input.op, limits), atMs, limits);
  }
};

const triggered = (state: State, trigger: Trigger, id: string, atMs: number, limits: Limits): Transition => {
  switch (state.phase) {
    case 'idle':
    case 'looking':
    case 'resting':
      return begin({ ...state, stillThere: 0 }, trigger, id, atMs, limits);
    case 'new':
    case 'homing':
      if (!state.item) return admit({ ...state, stillThere: 0 }, trigger, id, atMs, limits);
      return burst(state, trigger, id, limits);
    default:
      return burst(state, trigger, id, limits);
  }
};

/** Makes the item and has its row put on disk, while the cycle goes on. */
const admit = (state: State, trigger: Trigger, id: string, atMs: number, limits: Limits): Transition => {
  const item: Item = { id, trigger, recordOp: state.nextOp, recorded: 'waiting', askedAtMs: atMs };
  return record({ ...state, item }, id, trigger, limits);
};

const begin = (state: State, trigger: Trigger, id: string, atMs: number, limits: Limits): Transition => {
  const turn = admit(state, trigger, id, atMs, limits);
  return state.gateHome ? capture(turn, atMs, limits) : home(turn, 'homing', limits);
};

const burst = (state: State, trigger: Trigger, id: string, limits: Limits): Transition => {
  if (state.burst) return still({ ...state, burst: { ...state.burst, count: state.burst.count + 1 } });
  return record({ ...state, burst: { id, trigger, count: 1 } }, id, trigger, limits);
};

const recorded = (state: State, atMs: number, limits: Limits): Transition => {
  const turn = health(still(withItem(state, { recorded: 'yes' })), 'journal', null);
  return state.phase === 'recording' ? move(turn, atMs, limits) : turn;
};

const answered = (state: State, answer: Response, atMs: number, limits: Limits): Transition => {
  switch (answer.kind) {
    case 'homed': {
      const turn = health(still({ ...state, gateHome: true }), 'gate', null);
      if (state.phase === 'recovering') return fail(turn, 'gate-down', atMs, limits);
      return state.item ? capture(turn, atMs, limits) : look(turn, limits);
    }
    case 'frame': {
      const fault = staleFault(answer.frame, state.item);
      if (fault) return faulted(state, state.op, fault, atMs, limits);
      const captureMs = atMs - (state.item?.askedAtMs ?? atMs);
      const turn = health(still(withItem(state, { frame: answer.frame, captureMs })), 'camera', null);
      const classify = { kind: 'classify', frame: answer.frame } as const;
      return ask(turn, 'classifying', classify, limits.classifyMs);
    }
    case 'classified': {
      const { classification, decision, decideMs } = answer;
      const turn = health(still(withItem(state, { classification, decision, decideMs })), 'vision', null);
      if (decision.compartment === null) return finish(turn, 'refused', atMs, limits);
      if (state.item?.recorded === 'waiting') return to(turn, 'recording');
      return move(turn, atMs, limits);
    }
    case 'moved': {
      const turn = health(still({ ...withItem(state, { move: answer.move }), gateHome: true }), 'gate', null);
      return finish(turn, 'sorted', atMs, limits);
    }
    case 'level':
      return seen(state, answer, atMs, limits);
    case 'paused':
      return rested(state, limits);
    case 'recorded':
      return still(state);
  }
};

/** The level was read with the gate at home: the item that came meanwhile, or stayed, is a new trigger. */
const seen = (
  state: State,
  level: Extract<Response, { kind: 'level' }>,
  atMs: number,
  limits: Limits,
): Transition => {
  const healthy = health(still(state), 'sensor', null);
  if (!level.present)
    return to(health({ ...healthy, state: { ...state, stillThere: 0 } }, 'item', null), 'idle');
  const stillThere = state.stillThere + 1;
  if (stillThere <= limits.stillThereLimit) {
    const turn = begin({ ...state, stillThere }, level.trigger, level.itemId, atMs, limits);
    return { state: turn.state, effects: [...healthy.effects, ...turn.effects] };
  }
  const message =
    `something is still in front of the sensor after ${limits.stillThereLimit} more tries; ` +
    'take it out, or clean the sensor';
  // Nobody says when it is gone: what stays dark gives no edge.
  return rest(health(healthy, 'item', { code: 'item-stuck', message }), limits);
};

const faulted = (state: State, op: number | null, fault: Fault, atMs: number, limits: Limits): Transition => {
  if (op !== null && op === state.item?.recordOp) {
    const turn = health(still(withItem(state, { recorded: 'no' })), 'journal', fault);
    return state.phase === 'recording' ? move(turn, atMs, limits) : turn;
  }
  if (op === null || op !== state.op) return still(state);
  const withFault = withItem(state, { fault });
  switch (state.phase) {
    case 'capturing':
      return fail(health(still(withFault), 'camera', fault), 'camera-down', atMs, limits);
    case 'classifying': {
      const blamed = fault.code.startsWith('picture-') ? 'camera' : 'vision';
      const reason = blamed === 'camera' ? 'camera-down' : 'runtime-down';
      return fail(health(still(withFault), blamed, fault), reason, atMs, limits);
    }
    case 'moving':
      return home(health(still({ ...withFault, gateHome: false }), 'gate', fault), 'recovering', limits);
    case 'recovering':
      return fail(health(still({ ...state, gateHome: false }), 'gate', fault), 'gate-down', atMs, limits);
    case 'homing': {
      const turn = health(still({ ...withFault, gateHome: false }), 'gate', fault);
      return state.item ? fail(turn, 'gate-down', atMs, limits) : rest(turn, limits);
    }
    case 'looking':
      return rest(health(still(state), 'sensor', fault), limits);
    case 'resting':
      return rested(state, limits);
    default:
      return still(state);
  }
};

/** The gate moves only when the row is on disk: no move without a record. */
const move = (turn: Transition, atMs: number, limits: Limits): Transition => {
  const { item } = turn.state;
  if (!item?.decision?.compartment) return turn;
  if (item.recorded !== 'yes') {
    const fault = {
      code: 'journal-down',
      message: 'the row could not be written; the gate stays where it is',
    };
    const state = withItem(turn.state, { fault });
    return fail({ ...turn, state }, 'journal-down', atMs, limits);
  }
  const state = { ...withItem(turn.state, { moveAskedAtMs: atMs }), gateHome: false };
  const ask_ = { kind: 'move', compartment: item.decision.compartment } as const;
  return ask({ ...turn, state }, 'moving', ask_, limits.moveMs);
};

const fail = (turn: Transition, reason: Reason, atMs: number, limits: Limits): Transition => {
  const made = turn.state.item?.decision;
  const decision = { label: null, confidence: null, ...made, compartment: null, reason };
  return finish({ ...turn, state: withItem(turn.state, { decision }) }, 'failed', atMs, limits);
};

const finish = (turn: Transition, outcome: Outcome, atMs: number, limits: Limits): Transition => {
  const state = { ...turn.state, item: null, burst: null };
  const ended = { state, effects: [...turn.effects, ...endings(turn.state, outcome, atMs)] };
  if (!state.gateHome) return rest(ended, limits);
  // Hands are in the bin: what they hold is no item that is stuck.
  if (HANDS.has(turn.state.item?.fault?.code ?? ''))
    return ask(
      { ...ended, state: { ...state, stillThere: 0 } },
      'resting',
      { kind: 'pause' },
      limits.handsMs,
    );
  // What was refused is known to be there still: the level would say nothing new.
  return outcome === 'refused' ? to(ended, 'idle') : look(ended, limits);
};

const HANDS: ReadonlySet<string> = new Set(['gate-guarded', 'gate-locked']);

const endings = (state: State, outcome: Outcome, atMs: number): Effect[] => {
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
      finished: { item: burst, outcome: 'ignored', decision: null, fault: null, count: burst.count, atMs },
    });
  return effects;
};

const stop = (state: State, atMs: number): Transition => {
  const fault = { code: 'stopped', message: 'the daemon was stopped during this item' };
  const ending = withItem(state, { fault });
  return {
    state: { ...state, phase: 'stopped', op: null, item: null, burst: null, gateHome: false },
    effects: [{ type: 'safe' }, ...endings(ending, 'interrupted', atMs)],
  };
};

const still = (state: State): Transition => ({ state, effects: [] });

const withItem = (state: State, more: Partial<Item>): State =>
  state.item ? { ...state, item: { ...state.item, ...more } } : state;

const to = (turn: Transition, phase: Phase): Transition => ({
  ...turn,
  state: { ...turn.state, phase, op: null },
});

const ask = (turn: Transition, phase: Phase, asked: Request, withinMs: number): Transition => {
  const op = turn.state.nextOp;
  return {
    state: { ...turn.state, phase, op, nextOp: op + 1 },
    effects: [...turn.effects, { type: 'ask', op, withinMs, ask: asked }],
  };
};

const record = (state: State, id: string, trigger: Trigger, limits: Limits): Transition => ({
  state: { ...state, nextOp: state.nextOp + 1 },
  effects: [
    { type: 'ask', op: state.nextOp, withinMs: limits.recordMs, ask: { kind: 'record', id, trigger } },
  ],
});

const home = (turn: Transition, phase: 'homing' | 'recovering', limits: Limits): Transition =>
  ask(turn, phase, { kind: 'home' }, limits.homeMs);

const look = (turn: Transition, limits: Limits): Transition =>
  ask(turn, 'looking', { kind: 'level' }, limits.levelMs);

const rest = (turn: Transition, limits: Limits): Transition =>
  ask(turn, 'resting', { kind: 'pause' }, limits.homeRetryMs);

/** What did not come home, or could not be seen to be free, is tried again. */
const rested = (state: State, limits: Limits): Transition =>
  state.gateHome ? look(still(state), limits) : home(still(state), 'homing', limits);

const capture = (turn: Transition, atMs: number, limits: Limits): Transition => {
  const afterMs = turn.state.item?.trigger.atMs ?? atMs;
  const state = withItem(turn.state, { askedAtMs: atMs });
  return ask({ ...turn, state }, 'capturing', { kind: 'capture', afterMs }, limits.captureMs);
};

const health = (turn: Transition, part: Part, fault: Fault | null): Transition => ({
  ...turn,
  effects: [...turn.effects, { type: 'health', part, fault }],
});

const staleFault = (frame: Frame, item: Item | null): Fault | null => {
  if (!item || frame.capturedAtMs > item.trigger.atMs) return null;
  const ageMs = (item.trigger.atMs - frame.capturedAtMs).toFixed(1);
  return { code: 'camera-stale', message: `the camera gave a frame ${ageMs} ms older than the trigger` };
};

const TIMEOUTS: Partial<Record<Phase, readonly [code: string, who: string, limit: keyof Limits]>> = {
  capturing: ['camera-timeout', 'the camera gave no frame', 'captureMs'],
  classifying: ['vision-timeout', 'the vision child gave no answer', 'classifyMs'],
  moving: ['gate-timeout', 'the gate was not home again', 'moveMs'],
  recovering: ['gate-timeout', 'the gate did not come home', 'homeMs'],
  homing: ['gate-timeout', 'the gate did not come home', 'homeMs'],
  looking: ['sensor-timeout', 'the sensor gave no level', 'levelMs'],
};

const timeoutFault = (state: State, op: number, limits: Limits): Fault => {
  const [code, who, limit] =
    op === state.item?.recordOp
      ? (['journal-timeout', 'the journal did not write the row', 'recordMs'] as const)
      : (TIMEOUTS[state.phase] ?? (['timeout', 'no answer', 'levelMs'] as const));
  return { code, message: `${who} within ${limits[limit]} ms` };
};
