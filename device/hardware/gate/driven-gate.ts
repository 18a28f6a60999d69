import { orAborted, sleep } from '../../kit/deadline.js';
import { type Answer, done, failed } from '../../kit/errors.js';
import type { Input, InputRules, LineFault } from '../lines/lines.js';
import { type Drive, type GateRules, LazyLines, type Route } from './drive.js';
import { ExclusiveTask } from './exclusive-task.js';
import type { Gate, GateFault, Move } from './gate.js';
import { toGateFault, findGuardFault } from './line-faults.js';

interface Switches {
  readonly home: Input | null;
  readonly ends: ReadonlyMap<string, Input>;
}

/** A gate on the machine's lines: its order of work, its switches and its patience. */
export class DrivenGate<W extends Route> implements Gate {
  readonly #works = new ExclusiveTask();
  readonly #inputs = new LazyLines<Input>();

  constructor(
    private readonly rules: GateRules<W>,
    private readonly drive: Drive<W>,
  ) {}

  move(compartment: string, signal: AbortSignal): Promise<Answer<Move, GateFault>> {
    return this.#works.run(`"${compartment}"`, (inner) => this.#move(compartment, inner), signal);
  }

  home(signal: AbortSignal): Promise<Answer<void, GateFault>> {
    return this.#works.preempt('coming home', (inner) => this.#home(inner), signal);
  }

  async safe(): Promise<void> {
    const over = this.#works.close({ code: 'gate-failed', message: 'the gate was made safe, for good' });
    await this.rules.lines.safe();
    await over;
  }

  async #move(compartment: string, signal: AbortSignal): Promise<Answer<Move, GateFault>> {
    const { clock, compartments, passive } = this.rules;
    const askedAtMs = clock.monotonicMs();
    if (passive.includes(compartment)) return done({ commandedAtMs: askedAtMs, homeAtMs: askedAtMs });
    const way = compartments.get(compartment);
    if (!way) {
      const known = [...compartments.keys(), ...passive].map((name) => `"${name}"`).join(', ');
      return failed('gate-failed', `the gate has no way into "${compartment}"; it knows ${known}`);
    }
    const switches = await orAborted(this.#open(), signal);
    if (!switches.ok) return toGateFault(switches.fault);
    const { home, ends } = switches.value;
    const end = ends.get(compartment) ?? null;
    const stuck = end && (await orAborted(end.active(), signal));
    if (stuck && !stuck.ok) return toGateFault(stuck.fault);
    if (stuck?.value)
      return failed('gate-jammed', `"${end?.name}" is active before the move; free the gate, or its switch`);

    let commandedAtMs: number | undefined;
    const moved = await this.#retried(signal, async () => {
      await this.drive.waitForRest(compartment, signal);
      commandedAtMs ??= clock.monotonicMs();
      const out = await this.drive.moveTo(compartment, way, end, signal);
      if (!out.ok) return out;
      if (!out.value) return failed('gate-jammed', `"${end?.name}" did not become active in time`);
      return this.#back(way, home, signal);
    });
    if (!moved.ok) return moved;
    return done({ commandedAtMs: commandedAtMs ?? askedAtMs, homeAtMs: clock.monotonicMs() });
  }

  async #home(signal: AbortSignal): Promise<Answer<void, GateFault>> {
    const switches = await orAborted(this.#open(), signal);
    if (!switches.ok) return toGateFault(switches.fault);
    const { home } = switches.value;
    const there = home && (await orAborted(home.active(), signal));
    if (there && !there.ok) return toGateFault(there.fault);
    if (there?.value) return done(undefined);
    const guarded = await findGuardFault(this.rules.guards, signal);
    if (guarded) return guarded;
    const back = await this.#back(null, home, signal);
    // A hand that came meanwhile may hold what nothing drives: neither the time nor a jam says anything then.
    const isKnown = back.ok ? home !== null : back.fault.code !== 'gate-jammed';
    return isKnown ? back : ((await findGuardFault(this.rules.guards, signal)) ?? back);
  }

  async #back(way: W | null, home: Input | null, signal: AbortSignal): Promise<Answer<void, GateFault>> {
    const back = await this.drive.returnHome(way, home, signal);
    if (!back.ok) return back;
    if (back.value) return done(undefined);
    return failed('gate-jammed', `"${home?.name}" did not become active within ${this.rules.homeMs} ms`);
  }

  async #retried(
    signal: AbortSignal,
    attempt: () => Promise<Answer<void, GateFault>>,
  ): Promise<Answer<void, GateFault>> {
    const { clock, retries, backOffMs } = this.rules;
    for (let tries = 1; ; tries++) {
      const answer = await attempt();
      if (answer.ok || answer.fault.code !== 'gate-jammed') return answer;
      if (tries > retries)
        return failed('gate-jammed', `${answer.fault.message}, after ${tries} tries; free the gate`);
      await sleep(clock, backOffMs, signal);
    }
  }

  /** Requests every line at the first call, so that a missing one is found before an item is there. */
  async #open(): Promise<Answer<Switches, LineFault>> {
    const { lines, compartments, home } = this.rules;
    const open = (name: string, rules: InputRules) => this.#inputs.get(name, () => lines.input(name, rules));
    const ends = new Map<string, Input>();
    for (const [compartment, { end }] of compartments) {
      const input = end && (await open(`gate-${compartment}.end`, end));
      if (input && !input.ok) return input;
      if (input) ends.set(compartment, input.value);
    }
    const homeInput = home ? await open('gate.home', home) : null;
    if (homeInput && !homeInput.ok) return homeInput;
    const driven = await this.drive.open();
    return driven.ok ? done({ home: homeInput?.value ?? null, ends }) : driven;
  }
}
