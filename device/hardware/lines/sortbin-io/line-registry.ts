import type { Logger } from 'pino';
import type { Clock } from '../../../kit/clock.js';
import { sleep } from '../../../kit/deadline.js';
import { type Answer, done, type Fault, failed, messageOf } from '../../../kit/errors.js';
import { Backoff } from '../backoff.js';
import type { Health } from '../health.js';
import type { LineFault } from '../lines.js';
import type { TakenLines } from '../rules.js';
import { faultOf } from './faults.js';
import type { IoLine } from './line.js';
import { writeOutputs } from './outputs-file.js';
import type { Reply } from './process.js';
import { type IoEvent, LONGEST_COMMAND } from './protocol.js';

interface LineRegistryOptions {
  /** Where the outputs are noted before they can be on; null: nowhere. */
  readonly outputsFile: string | null;
  readonly ask: (words: string) => Promise<Reply>;
  readonly health: Health;
  readonly clock: Clock;
  readonly log: Logger;
}

const UDEV_TRIES = 10;
const UDEV_MS = 100;

/** The lines that sortbin-io is to hold. One whose chip was unplugged is requested, with growing rests, until it is back. */
export class LineRegistry implements TakenLines {
  readonly #lines = new Map<string, IoLine>();
  readonly #retries = new Backoff();
  #cancelRetry: (() => void) | null = null;

  constructor(private readonly options: LineRegistryOptions) {}

  get size(): number {
    return this.#lines.size;
  }

  has(name: string): boolean {
    return this.#lines.has(name);
  }

  isInput(name: string): boolean {
    return this.#lines.get(name)?.kind === 'input';
  }

  async take<Line extends IoLine>(line: Line): Promise<Answer<Line, LineFault>> {
    if (line.request.length > LONGEST_COMMAND) {
      return failed(
        'line-unsupported',
        `"${line.name}" (${line.where}) needs too many words; give shorter names`,
      );
    }
    this.#lines.set(line.name, line);
    const fault = (await this.#note(line)) ?? (await this.#request(line));
    if (!fault) return done(line);
    this.#lines.delete(line.name);
    this.options.health.line(line.name, null);
    return { ok: false, fault };
  }

  /** Has a new sortbin-io hold all of them. */
  async recover(): Promise<void> {
    for (const line of this.#lines.values()) await this.#recover(line);
    this.#retryLater();
  }

  handle(event: IoEvent): void {
    const line = this.#lines.get(event.name);
    if (!line) {
      this.options.log.warn(
        { line: event.name },
        `sortbin-io tells ${event.type} of a line that was not taken`,
      );
    } else if (event.type === 'gone') {
      this.lose(line, event.text);
    } else {
      line.hear(event);
    }
  }

  /** Its chip was unplugged. */
  lose(line: IoLine, text: string): void {
    const { log, health } = this.options;
    line.fault = faultOf(line.name, line.where, 'gone', text);
    log.warn({ line: line.name, code: line.fault.code }, line.fault.message);
    line.lost('gone');
    health.line(line.name, line.fault);
    this.#retryLater();
  }

  /** The sortbin-io that held them is no more. */
  down(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    for (const line of this.#lines.values()) line.lost('down');
  }

  /** They have been told to go off; resolves when they are. */
  async allOff(): Promise<void> {
    await Promise.all([...this.#lines.values()].map((line) => line.goOff()));
  }

  /** An output that nobody could make safe after us is not taken. */
  async #note(line: IoLine): Promise<Fault<LineFault> | null> {
    const { outputsFile } = this.options;
    if (outputsFile === null || line.kind === 'input') return null;
    const outputs = [...this.#lines.values()].filter(({ kind }) => kind !== 'input');
    try {
      await writeOutputs(
        outputsFile,
        outputs.map(({ request }) => request),
      );
      return null;
    } catch (thrown) {
      const message = `"${line.name}" cannot be noted in ${outputsFile}: ${messageOf(thrown)}`;
      return { code: 'line-refused', message };
    }
  }

  /** Why it is not held; null: it is. */
  async #request(line: IoLine): Promise<Fault<LineFault> | null> {
    const before = line.fault;
    const reply = await this.#asked(line);
    if (!reply.ok) {
      return reply.code === 'down'
        ? { code: 'lines-down', message: reply.text }
        : faultOf(line.name, line.where, reply.code, reply.text);
    }
    await line.taken();
    // Its chip may have gone meanwhile.
    return line.fault === before ? null : line.fault;
  }

  /** A PWM channel that has just been exported belongs to root until udev has given it to the group. */
  async #asked(line: IoLine): Promise<Reply> {
    const { ask, clock } = this.options;
    for (let tries = 1; ; tries++) {
      const reply = await ask(line.request);
      if (reply.ok || reply.code !== 'denied' || line.kind !== 'pwm' || tries > UDEV_TRIES) return reply;
      await sleep(clock, UDEV_MS);
    }
  }

  /** It was there once: where it is missing now, it was unplugged. */
  async #recover(line: IoLine): Promise<void> {
    const fault = await this.#request(line);
    if (fault?.code === 'lines-down') return;
    line.fault = fault?.code === 'line-missing' ? { ...fault, code: 'line-gone' } : fault;
    this.options.health.line(line.name, line.fault);
  }

  #retryLater(): void {
    if (this.#cancelRetry || !this.#someLost()) return;
    const cancel = this.options.clock.after(this.#retries.nextMs(), async () => {
      for (const line of this.#lines.values()) if (line.fault) await this.#recover(line);
      // Another sortbin-io has a retry of its own.
      if (this.#cancelRetry !== cancel) return;
      this.#cancelRetry = null;
      if (!this.#someLost()) this.#retries.reset();
      this.#retryLater();
    });
    this.#cancelRetry = cancel;
  }

  #someLost(): boolean {
    return [...this.#lines.values()].some(({ fault }) => fault !== null);
  }
}
