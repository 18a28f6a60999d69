import type { Input, LineFault, Off, Output, Pwm } from '../../../device/hardware/lines/lines.js';
import { SimulatedLines } from '../../../device/hardware/lines/simulated/simulated-lines.js';
import type { Clock } from '../../../device/kit/clock.js';
import type { Answer } from '../../../device/kit/errors.js';

const ANYWHERE = { chip: 'any', offset: 0 } as const;
/** A chip that never exists. */
const MISSING_CHIP = 'nowhere';

/** Levels of inputs and unplugged lines. They outlive a process. */
interface BoardState {
  readonly levels: ReadonlyMap<string, boolean>;
  readonly unplugged: ReadonlySet<string>;
}

type Actuator = Output | Pwm;

/** Executes the commands of a fake sortbin-io on simulated lines. */
export class FakeBoard {
  readonly #lines: SimulatedLines;
  readonly #inputs = new Map<string, Input>();
  readonly #actuators = new Map<string, Actuator>();
  readonly #leasesMs = new Map<string, number>();
  readonly #on = new Map<string, { readonly abort: AbortController; off: Promise<unknown> }>();
  readonly #gone = new Set<string>();
  #renewedAtMs = 0;

  constructor(
    private readonly clock: Clock,
    private readonly state: BoardState,
    private readonly write: (text: string) => void,
  ) {
    this.#lines = new SimulatedLines({ clock, missing: [MISSING_CHIP] });
  }

  press(name: string, active: boolean): void {
    if (this.#inputs.has(name)) this.#lines.set(name, active);
  }

  level(name: string): boolean {
    return this.#actuators.has(name) && this.#lines.read(name) > 0;
  }

  unplug(name: string): void {
    this.#gone.add(name);
    this.#lines.unplug(name);
    this.write(`gone ${name} the chip was unplugged`);
  }

  close(): Promise<void> {
    return this.#lines.close();
  }

  async perform(id: string, [verb = '', name = '', ...rest]: readonly string[]): Promise<void> {
    const answer = await this.#perform(id, verb, name, rest);
    if (answer !== null) this.write(`${id} ${answer}`);
  }

  /** Returns the answer, or null if it was already written. */
  async #perform(id: string, verb: string, name: string, rest: readonly string[]): Promise<string | null> {
    if (verb === 'in' || verb === 'out' || verb === 'pwm') return this.#request(verb, name, rest);
    if (verb === 'renew') this.#renewedAtMs = this.clock.monotonicMs();
    if (verb === 'safe') await this.#turnOff([...this.#on.keys()]);
    if (verb === 'off') await this.#turnOff([name]);
    if (verb === 'get') {
      const active = await this.#inputs.get(name)?.active();
      return active?.ok ? `ok ${active.value ? 1 : 0}` : `error gone ${name}`;
    }
    if (verb === 'on') return this.#turnOn(id, name, undefined, rest[0]);
    if (verb === 'duty') return this.#turnOn(id, name, Number(rest[0]), rest[1]);
    return 'ok';
  }

  async #request(verb: 'in' | 'out' | 'pwm', name: string, words: readonly string[]): Promise<string> {
    if (this.state.unplugged.has(name)) return `error missing ${name} is unplugged`;
    if (this.#gone.delete(name)) {
      this.#lines.plug(name);
      return 'ok';
    }
    const option = (key: string) => words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
    const at = words.includes(MISSING_CHIP) ? { chip: MISSING_CHIP, offset: 0 } : ANYWHERE;
    const guards = words.filter((word) => word.startsWith('guard=')).map((word) => word.slice(6));
    const maxOnMs = Number(option('bound')) / 1000;
    this.#leasesMs.set(name, Number(option('lease')) / 1000);
    if (verb === 'in') return this.#requestInput(name, at);
    const common = { activeLow: false, maxOnMs, guards };
    const answer =
      verb === 'out'
        ? await this.#lines.output(name, {
            ...common,
            at,
            minOffMs: Number(option('rest') ?? 0) / 1000,
            group: option('group') ?? null,
          })
        : await this.#lines.pwm(name, {
            ...common,
            at: { chip: at.chip, channel: 0 },
            periodUs: Number(option('period')),
            minPulseUs: Number(option('min')),
            maxPulseUs: Number(option('max')),
          });
    if (!answer.ok) return outcome(answer);
    this.#actuators.set(name, answer.value);
    return 'ok';
  }

  async #requestInput(name: string, at: { readonly chip: string; readonly offset: number }): Promise<string> {
    const answer = await this.#lines.input(name, { at, bias: 'as-is', activeLow: false, debounceMs: 0 });
    if (!answer.ok) return outcome(answer);
    this.#inputs.set(name, answer.value);
    this.#lines.set(name, this.state.levels.get(name) ?? false);
    answer.value.onEdge(({ active, atNs, missed }) => {
      if (this.state.levels.get(name) === active)
        this.write(`edge ${name} ${atNs} ${active ? 1 : 0} ${missed}`);
    });
    return 'ok';
  }

  async #turnOn(id: string, name: string, pulseUs: number | undefined, us: string | undefined) {
    const actuator = this.#actuators.get(name);
    if (!actuator) return `error missing ${name}`;
    const abort = new AbortController();
    const off = this.#drive(actuator, pulseUs, us, abort.signal);
    const isOn = this.#lines.read(name) > 0 && !this.#on.has(name);
    if (!isOn) return outcome(await off);
    this.write(`${id} ok`);
    this.#renewedAtMs = this.clock.monotonicMs();
    const entry = { abort, off: Promise.resolve<unknown>(null) };
    this.#on.set(name, entry);
    const cancelLease = this.#watchLease(name, abort);
    entry.off = off.then((answer) => {
      this.#on.delete(name);
      cancelLease();
      if (!answer.ok || answer.value.reason === 'gone') return;
      const reason = abort.signal.reason === 'lease' ? 'lease' : answer.value.reason;
      this.write(`off ${name} ${reason} ${answer.value.atNs}`);
    });
    return null;
  }

  #drive(actuator: Actuator, pulseUs: number | undefined, us: string | undefined, signal: AbortSignal) {
    if ('drive' in actuator) return actuator.drive(pulseUs ?? 0, signal);
    return us === undefined ? actuator.hold(signal) : actuator.pulse(Number(us) / 1000, signal);
  }

  #watchLease(name: string, abort: AbortController): () => void {
    const leaseMs = this.#leasesMs.get(name) ?? 0;
    let cancel = () => {};
    const check = () => {
      const leftMs = this.#renewedAtMs + leaseMs - this.clock.monotonicMs();
      if (leftMs <= 0) abort.abort('lease');
      else cancel = this.clock.after(leftMs, check);
    };
    check();
    return () => cancel();
  }

  async #turnOff(names: readonly string[]): Promise<void> {
    const ons = names.flatMap((name) => this.#on.get(name) ?? []);
    for (const { abort } of ons) abort.abort();
    await Promise.all(ons.map(({ off }) => off));
  }
}

const outcome = (answer: Answer<Off | Actuator | Input, LineFault>): string =>
  answer.ok ? 'ok' : `error ${answer.fault.code.replace('line-', '')} ${answer.fault.message}`;
