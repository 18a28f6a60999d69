/** A part of the daemon that is started and stopped. */
export interface Service {
  /** A noun phrase for the log: `control socket`. */
  readonly name: string;
  /** Resolves when the service works. If `signal` is aborted, the start ends at once and rejects. */
  start(signal: AbortSignal): Promise<void>;
  /** Releases everything, also after a start that failed, was aborted or is still running. May be called again. */
  stop(): Promise<void>;
}

/** A service that opens something at its start, and closes it at its stop. */
export class Resource<T> implements Service {
  #opening: Promise<T> | null = null;
  #opened: { readonly value: T } | null = null;

  constructor(
    readonly name: string,
    private readonly open: (signal: AbortSignal) => Promise<T>,
    private readonly close: (value: T) => Promise<void>,
  ) {}

  /** @throws Error before `start` has resolved */
  get value(): T {
    if (!this.#opened) throw new Error(`${this.name}: not started`);
    return this.#opened.value;
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#opening = this.open(signal);
    this.#opened = { value: await this.#opening };
  }

  async stop(): Promise<void> {
    const opening = this.#opening;
    this.#opening = null;
    const opened = await opening?.then((value) => ({ value })).catch(() => null);
    if (opened) await this.close(opened.value);
  }
}
