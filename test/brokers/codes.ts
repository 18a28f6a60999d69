import type { StateMessage } from '../../device/status/state-message.js';
import { makeBacklog } from '../support/journal/backlog.js';
import { CONNACK_CODES, DISCONNECT_CODES, PUBACK_CODES } from '../support/network/reason-codes.js';
import { RoughBroker } from '../support/network/rough-broker.js';
import { type Scenario, type Scenarios, withCleanup } from './scenario.js';
import type { Trial, Verdict } from './trial.js';

const EVENTS = 200;
const REFUSED_EVENT = 50;
/** A bin that connects more often flaps between online and offline. */
const MOST_CONNECTIONS = 10;
const EVENTS_BETWEEN = 20;

/** Returns whether attempt n, from 1, to send an event is refused. */
type IsRefused = (seq: number, attempt: number, refusals: number) => boolean;

/** How the double refuses with each reason code, and whether the event remains refused. */
const REFUSALS: Partial<Record<number, { readonly isRefused: IsRefused; readonly isPermanent: boolean }>> = {
  0: { isRefused: () => false, isPermanent: false },
  16: { isRefused: () => true, isPermanent: false },
  // No event, until the owner of the broker corrects the access rules.
  135: { isRefused: (_seq, _attempt, refusals) => refusals < 20, isPermanent: false },
  145: { isRefused: (seq, attempt) => seq === REFUSED_EVENT && attempt === 1, isPermanent: false },
  151: { isRefused: (seq, attempt) => seq % 5 === 0 && attempt <= 2, isPermanent: false },
};
const PERMANENT = { isRefused: (seq: number) => seq === REFUSED_EVENT, isPermanent: true };

/** Starts a double that records the events which it acknowledges. */
const startDouble = async (trial: Trial, later: (end: () => Promise<unknown>) => void, codeOf: CodeOf) => {
  const broker = await new RoughBroker().start();
  later(() => broker.stop());
  const attempts = new Map<number, number>();
  broker.behaviour.puback = ({ topic, payload, dup }) => {
    if (!topic.endsWith('/event')) return 0;
    const { seq } = JSON.parse(payload.toString()) as { seq: number };
    attempts.set(seq, (attempts.get(seq) ?? 0) + 1);
    const code = codeOf(seq, attempts.get(seq) ?? 1);
    if (code < 0x80) trial.record.add(seq, dup);
    return code;
  };
  return broker;
};
type CodeOf = (seq: number, attempt: number) => number;

const addNotes = (verdict: Verdict, broker: RoughBroker): Verdict => {
  const states = broker.payloads('state').map((json) => JSON.parse(json) as StateMessage);
  const faults = new Set(states.flatMap((state) => Object.keys(state.faults)));
  const { connects, violations } = broker;
  verdict.notes.push(`${connects.length} connections, faults: ${[...faults].join(', ') || 'none'}`);
  if (violations.length > 0) verdict.problems.push(`the bin exceeded a limit of the broker: ${violations}`);
  return verdict;
};

/** With a window above 1, the events that are on their way overtake a refused one. */
const puback =
  (code: number, window = 16): Scenario =>
  (trial) =>
    withCleanup(async (later) => {
      const { isRefused, isPermanent } = REFUSALS[code] ?? PERMANENT;
      makeBacklog(trial.dataDir, EVENTS);
      let refusals = 0;
      const delayed = new Set<number>();
      const broker = await startDouble(trial, later, (seq, attempt) => {
        if (!isRefused(seq, attempt, refusals)) return 0;
        refusals += 1;
        delayed.add(seq);
        return code;
      });
      trial.startBin({ url: broker.url, window });
      const verdict = await trial.finish({
        refused: isPermanent ? [REFUSED_EVENT] : [],
        maxInversions: () => (window === 1 ? 0 : delayed.size),
      });
      const { length: connections } = broker.connects;
      if (connections > MOST_CONNECTIONS) verdict.problems.push(`the bin connected ${connections} times`);
      return addNotes(verdict, broker);
    });

/** The broker refuses one connection with each code, then accepts. */
const connack: Scenario = (trial) =>
  withCleanup(async (later) => {
    makeBacklog(trial.dataDir, EVENTS);
    const broker = await startDouble(trial, later, () => 0);
    broker.behaviour.accepts = () => {
      const code = CONNACK_CODES[broker.connects.length - 1];
      broker.behaviour.refusal = code ?? 'close';
      return code === undefined;
    };
    trial.startBin({ url: broker.url });
    return addNotes(await trial.finish(), broker);
  });

/** The broker ends a connection with each code, while events are on their way. */
const disconnect: Scenario = (trial) =>
  withCleanup(async (later) => {
    makeBacklog(trial.dataDir, (DISCONNECT_CODES.length + 1) * EVENTS_BETWEEN);
    const codes = [...DISCONNECT_CODES];
    let next = EVENTS_BETWEEN;
    const broker = await startDouble(trial, later, () => 0);
    const acknowledge = broker.behaviour.puback;
    broker.behaviour.puback = (packet) => {
      if (trial.record.seqs.length >= next && codes.length > 0) {
        next += EVENTS_BETWEEN;
        return { disconnect: codes.shift() ?? 0 };
      }
      return acknowledge(packet);
    };
    trial.startBin({ url: broker.url });
    return addNotes(await trial.finish(), broker);
  });

/** The broker announces limits, and ends the connection of a bin that exceeds one. */
const limits: Scenario = (trial) =>
  withCleanup(async (later) => {
    makeBacklog(trial.dataDir, EVENTS);
    const broker = await startDouble(trial, later, () => 0);
    Object.assign(broker.behaviour, { receiveMaximum: 2, maximumQoS: 0, retainAvailable: false });
    trial.startBin({ url: broker.url });
    return addNotes(await trial.finish(), broker);
  });

export const codeScenarios: Scenarios = {
  ...Object.fromEntries(
    PUBACK_CODES.map((code) => [`puback-0x${code.toString(16).padStart(2, '0')}`, puback(code)]),
  ),
  'puback-0x97-window-1': puback(0x97, 1),
  'connack-codes': connack,
  'disconnect-codes': disconnect,
  'connack-limits': limits,
};
