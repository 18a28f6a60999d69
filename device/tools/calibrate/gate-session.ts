import type { Config } from '../../config/schema.js';
import type { Lines } from '../../hardware/lines/lines.js';
import type { Clock } from '../../kit/clock.js';
import { CalibrateError, type Change, type Key, maxLength, type Screen } from './calibrate.js';
import { HoldToRun, RELEASE_TIMEOUT_MS } from './hold-to-run.js';
import { gateInputs, LID, SERVICE, serviceSwitch } from './inputs.js';
import { Levels, LINES_RECOVERED, levelWord } from './levels.js';
import { LinesMover } from './lines-mover.js';
import type { Mover, Parameter } from './mover.js';
import { ServoMover } from './servo-mover.js';
import { isQuitKey } from './terminal.js';

/** A gate that is ready to move, and the switches around it. */
export interface OpenGate {
  readonly mover: Mover;
  readonly levels: Levels;
}

/**
 * Opens the lines of the gate with the rules of the daemon. The service switch is a guard in addition to the lid switch,
 * because it locks the whole bin.
 * @throws CalibrateError if no gate is configured, or a line is unavailable
 */
export const openGate = async (
  { gate, panel }: Pick<Config, 'gate' | 'panel'>,
  lines: Lines,
  clock: Clock,
): Promise<OpenGate> => {
  if (gate.driver === 'simulated')
    throw new CalibrateError(
      'calibrate-nothing',
      'gate.driver: "simulated" has nothing to calibrate. Set it to servo or lines.',
    );
  const inputs = [...gateInputs(gate), ...serviceSwitch(panel)];
  const levels = await Levels.open(inputs, lines, clock);
  const guards = [LID, SERVICE].filter((name) => levels.input(name));
  const mover =
    gate.driver === 'servo'
      ? await ServoMover.open(gate, guards, lines)
      : await LinesMover.open(gate, guards, levels, lines, clock);
  if (mover) return { mover, levels };
  throw new CalibrateError(
    'calibrate-nothing',
    'gate.compartments: no compartments. Add each compartment with its output.',
  );
};

export interface SessionOptions extends OpenGate {
  readonly lines: Lines;
  readonly keys: AsyncIterator<Key>;
  readonly screen: Screen;
  readonly clock: Clock;
}

/**
 * Moves the gate by keys until a quit key, or until the terminal is closed. Then everything is off. Returns the accepted
 * values that differ from the configuration.
 */
export const calibrateGate = async (options: SessionOptions): Promise<Change[]> => {
  const session = new GateSession(options);
  try {
    await session.run();
    return session.changes;
  } finally {
    await session.end();
  }
};

class GateSession {
  readonly #accepted = new Map<Parameter, number>();
  readonly #holdToRun: HoldToRun;
  #selected: Parameter;

  constructor(private readonly options: SessionOptions) {
    const { mover, clock } = options;
    this.#selected = mover.parameters[0];
    this.#holdToRun = new HoldToRun({
      clock,
      run: (signal) => mover.move(signal, () => this.#holdToRun.lastKeyMs),
      onStopped: () => this.#show(),
    });
  }

  get changes(): Change[] {
    return [...this.#accepted].flatMap(([{ path, value }, to]) =>
      to === value ? [] : [{ path, from: value, to }],
    );
  }

  async run(): Promise<void> {
    const { keys, lines, levels, screen } = this.options;
    lines.onHealth((fault) => screen.print(fault ? fault.message : LINES_RECOVERED));
    levels.onChange(() => this.#show());
    this.#select(this.#selected);
    for (let next = await keys.next(); !next.done && !isQuitKey(next.value); next = await keys.next()) {
      this.#press(next.value);
      this.#show();
    }
  }

  async end(): Promise<void> {
    const { lines, levels } = this.options;
    await Promise.all([this.#holdToRun.release(), lines.safe()]);
    levels.onChange(() => {});
    this.options.screen.show([]);
  }

  /** Never waits, because the next key may have to turn everything off. */
  #press(key: Key): void {
    const { mover } = this.options;
    const effect = mover.press(key);
    if (effect !== 'none') {
      this.#holdToRun.press(effect === 'move-to-new-target');
      return;
    }
    void this.#holdToRun.release();
    if (key === 'enter') this.#accept();
    const selected = key === 'tab' ? this.#next() : mover.parameters.find(({ digit }) => digit === key);
    if (selected) this.#select(selected);
  }

  #accept(): void {
    const { proposal } = this.options.mover;
    if (proposal !== null) this.#accepted.set(this.#selected, proposal);
  }

  #next(): Parameter {
    const { parameters } = this.options.mover;
    return parameters[(parameters.indexOf(this.#selected) + 1) % parameters.length] ?? parameters[0];
  }

  #select(parameter: Parameter): void {
    this.#selected = parameter;
    this.options.mover.select(parameter, (one) => this.#accepted.get(one) ?? one.value);
    this.#show();
  }

  #show(): void {
    const { mover, levels, screen } = this.options;
    const switches = levels.all.map(({ key, active }) => `${key} ${levelWord(active)}`).join('   ');
    screen.show([
      '',
      ...this.#parameterLines(),
      '',
      `${this.#holdToRun.isRunning ? '*' : ' '} ${mover.status}`,
      `  ${switches}`,
      '',
      `  ${mover.help}`,
      `  number or Tab: select · Enter: accept the value · q: stop and quit`,
      `  The gate stops ${RELEASE_TIMEOUT_MS} ms after the last key.`,
    ]);
  }

  /** `> 1  paper  1000 -> 1012 us` */
  #parameterLines(): string[] {
    const { parameters } = this.options.mover;
    const width = maxLength(parameters.map(({ name }) => name));
    return parameters.map((parameter) => {
      const { name, digit, value, unit } = parameter;
      const accepted = this.#accepted.get(parameter) ?? value;
      const change = accepted === value ? '' : ` -> ${accepted}`;
      const marker = parameter === this.#selected ? '>' : ' ';
      return `${marker} ${digit ?? ' '}  ${name.padEnd(width)}  ${value}${change} ${unit}`;
    });
  }
}
