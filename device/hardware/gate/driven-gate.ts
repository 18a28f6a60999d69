import { orAborted, sleep } from '../../kit/deadline.js';
import { type Answer, done, failed } from '../../kit/errors.js';
import type { Input, InputRules, LineFault } from '../lines/lines.js';
import { type Drive, type GateRules, LazyLines, type Route } from './drive.js';
import { ExclusiveTask } from './exclusive-task.js';
import type { Gate, GateFault, Move } from './gate.js';
import { findGuardFault, toGateFault } from './line-faults.js';

interface Switches {
  readonly home: Input | null;
  /** End switches by compartment. */
  readonly ends: ReadonlyMap<string, Input>;
}

/** A gate on GPIO lines: the sequence of a move, the switches, the guards and the retries. */
export class DrivenGate<R extends Route> implements Gate {
  readonly #task = new ExclusiveTask();
  readonly #inputs = new LazyLines<Input>();

  constructor(
    private readonly rules: GateRules<R>,
    private readonly drive: Drive<R>,
  ) {}

  move(compartment: string, signal: AbortSignal): Promise<Answer<Move, GateFault>> {
    return this.#task.run(compartment, (inner) => this.#move(compartment, inner), signal);
  }

  home(signal: AbortSignal): Promise<Answer<void, GateFault>> {
    return this.#task.preempt((inner) => this.#home(inner), signal);
  }

  async safe(): Promise<void> {
    const ended = this.#task.close();
    await this.rules.lines.safe();
    await ended;
  }

  async #move(compartment: string, signal: AbortSignal): Promise<Answer<Move, GateFault>> {
    const { clock, compartments, passive } = this.rules;
    const requestedAtMs = clock.monotonicMs();
    if (passive.includes(compartment)) return done({ commandedAtMs: requestedAtMs, homeAtMs: requestedAtMs });
    const route = compartments.get(compartment);
    if (!route) {
      const known = [...compartments.keys(), ...passive].map((name) => `"${name}"`).join(', ');
      return failed(
        'gate-failed',
        `gate.compartments: no entry for "${compartment}". Known compartments: ${known}.`,
      );
    }
    const switches = await orAborted(this.#open(), signal);
    if (!switches.ok) return toGateFault(switches.fault);
    const { home, ends } = switches.value;
    const end = ends.get(compartment) ?? null;
    const endActive = end && (await orAborted(end.active(), signal));
    if (endActive && !endActive.ok) return toGateFault(endActive.fault);
    if (endActive?.value)
      return failed(
        'gate-jammed',
        `"${end?.name}": the switch is active before the move. Free the gate or the switch.`,
      );

    let commandedAtMs: number | undefined;
    const moved = await this.#retryJams(signal, async () => {
      await this.drive.waitForRest(compartment, signal);
      commandedAtMs ??= clock.monotonicMs();
      const reached = await this.drive.moveTo(compartment, route, end, signal);
      if (!reached.ok) return reached;
      if (!reached.value)
        return failed('gate-jammed', `"${end?.name}": the switch did not become active before the deadline`);
      return this.#returnHome(route, home, signal);
    });
    if (!moved.ok) return moved;
    return done({ commandedAtMs: commandedAtMs ?? requestedAtMs, homeAtMs: clock.monotonicMs() });
  }

  async #home(signal: AbortSignal): Promise<Answer<void, GateFault>> {
    const { guards } = this.rules;
    const switches = await orAborted(this.#open(), signal);
    if (!switches.ok) return toGateFault(switches.fault);
    const { home } = switches.value;
    const isHome = home && (await orAborted(home.active(), signal));
    if (isHome && !isHome.ok) return toGateFault(isHome.fault);
    if (isHome?.value) return done(undefined);
    const guarded = await findGuardFault(guards, signal);
    if (guarded) return guarded;
    const returned = await this.#returnHome(null, home, signal);
    // A spring-driven gate may be held by a hand that arrived during the return. An elapsed time or a jam then proves
    // nothing, so the guards are read again.
    const isConclusive = returned.ok ? home !== null : returned.fault.code !== 'gate-jammed';
    return isConclusive ? returned : ((await findGuardFault(guards, signal)) ?? returned);
  }

  async #returnHome(
    route: R | null,
    home: Input | null,
    signal: AbortSignal,
  ): Promise<Answer<void, GateFault>> {
    const reached = await this.drive.returnHome(route, home, signal);
    if (!reached.ok) return reached;
    if (reached.value) return done(undefined);
    return failed(
      'gate-jammed',
      `"${home?.name}": the switch did not become active within ${this.rules.homeMs} ms`,
    );
  }

  async #retryJams(
    signal: AbortSignal,
    attempt: () => Promise<Answer<void, GateFault>>,
  ): Promise<Answer<void, GateFault>> {
    const { clock, retries, backOffMs } = this.rules;
    for (let attempts = 1; ; attempts++) {
      const answer = await attempt();
      if (answer.ok || answer.fault.code !== 'gate-jammed') return answer;
      if (attempts > retries)
        return failed('gate-jammed', `${answer.fault.message}. Attempts: ${attempts}. Free the gate.`);
      await sleep(clock, backOffMs, signal);
    }
  }

  /** Requests every line at the first call, so that a missing line is found before the first item. */
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
    const opened = await this.drive.open();
    return opened.ok ? done({ home: homeInput?.value ?? null, ends }) : opened;
  }
}
