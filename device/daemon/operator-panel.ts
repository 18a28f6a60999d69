import type { BinEvent } from '../cycle/event.js';
import type { Observer } from '../cycle/observer.js';
import type { Phase } from '../cycle/state.js';
import type { Panel } from '../hardware/panel/panel.js';
import { StateIndicator } from '../hardware/panel/state-indicator.js';
import type { Clock } from '../kit/clock.js';
import type { Fault } from '../kit/errors.js';
import type { Service } from '../kit/service.js';
import type { CommandRegistry } from '../network/commands/registry.js';
import type { FillParts } from '../wire/fill.js';

export interface OperatorPanelOptions {
  readonly panel: Panel;
  /** The buttons that report an emptied compartment. null: none. */
  readonly fillParts: Pick<FillParts, 'onEmptied'> | null;
  readonly commands: Pick<CommandRegistry, 'execute'>;
  /** The time for which a refusal is shown. */
  readonly refusedMs: number;
  readonly clock: Clock;
}

/** The indicators show the state of the bin, and the buttons send commands. */
export class OperatorPanel implements Observer, Service {
  readonly name = 'operator panel';
  readonly #indicator: StateIndicator;
  #isStopped = false;

  constructor(private readonly options: OperatorPanelOptions) {
    const { panel, refusedMs, clock } = options;
    this.#indicator = new StateIndicator(panel, refusedMs, clock);
  }

  /** Connects the buttons. The indicators work before. */
  async start(): Promise<void> {
    const { panel, fillParts } = this.options;
    panel.onWrong(() => this.#send({ command: 'dispute' }));
    fillParts?.onEmptied((compartment) => this.#send({ command: 'emptied', compartment }));
  }

  /** Turns the indicators off. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#indicator.close();
  }

  phase(phase: Phase): void {
    this.#indicator.phase(phase);
  }

  health(part: string, fault: Fault | null): void {
    this.#indicator.health(part, fault !== null);
  }

  event({ outcome }: BinEvent): void {
    if (outcome === 'refused') this.#indicator.refused();
  }

  #send(request: object): void {
    if (!this.#isStopped) void this.options.commands.execute(request, 'button');
  }
}
