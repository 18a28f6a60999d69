import type { Input } from '../hardware/lines/lines.js';
import type { Service } from '../kit/service.js';
import type { GateLock } from './gate-lock.js';

export interface ServiceSwitchOptions {
  /** null: the bin has no service switch. */
  readonly input: Input | null;
  readonly lock: Pick<GateLock, 'set'>;
}

/** Locks the gate while the service switch is on. */
export class ServiceSwitch implements Service {
  readonly name = 'service switch';
  #unsubscribe = () => {};

  constructor(private readonly options: ServiceSwitchOptions) {}

  /** Locks the gate if the switch is on. A switch that cannot be read counts as on. */
  async start(): Promise<void> {
    const { input } = this.options;
    if (!input) return;
    this.#unsubscribe = input.onEdge(({ active }) => void this.#set(active));
    const level = await input.active();
    await this.#set(!level.ok || level.value);
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
  }

  #set(isOn: boolean): Promise<void> {
    return this.options.lock.set('the service switch is on', isOn);
  }
}
