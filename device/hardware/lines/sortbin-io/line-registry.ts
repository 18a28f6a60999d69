import { dirname } from 'node:path';
import type { Logger } from 'pino';
import { Backoff } from '../../../kit/backoff.js';
import type { Clock } from '../../../kit/clock.js';
import { sleep } from '../../../kit/deadline.js';
import { makeFolder, writeDurably } from '../../../kit/durable-file.js';
import { type Answer, done, type Fault, failed, messageOf } from '../../../kit/errors.js';
import type { LinesHealth } from '../health.js';
import type { LineFault } from '../lines.js';
import type { KnownLines } from '../rules.js';
import { RETRY_LIMITS } from '../time.js';
import { faultOf } from './faults.js';
import type { IoLine } from './line.js';
import type { Reply } from './process.js';
import { type IoEvent, MAX_COMMAND_LENGTH } from './protocol.js';

interface LineRegistryOptions {
  /** File for `sortbin-io --safe` that lists the outputs before they can be on. Null writes none. */
  readonly outputsFile: string | null;
  readonly send: (command: string) => Promise<Reply>;
  readonly health: LinesHealth;
  readonly clock: Clock;
  readonly log: Logger;
}

const UDEV_TRIES = 10;
const UDEV_DELAY_MS = 100;

/** The lines that sortbin-io holds. If the chip of a line is unplugged, the line is requested again until it is back. */
export class LineRegistry implements KnownLines {
  readonly #lines = new Map<string, IoLine>();
  readonly #retries = new Backoff(RETRY_LIMITS);
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

  /** Requests a line. It stays registered only if the request succeeds. */
  async add<Line extends IoLine>(line: Line): Promise<Answer<Line, LineFault>> {
    if (line.requestCommand.length > MAX_COMMAND_LENGTH) {
      return failed(
        'line-unsupported',
        `"${line.name}" (${line.place}): its rules exceed ${MAX_COMMAND_LENGTH} characters. Use shorter names.`,
        line.name,
      );
    }
    this.#lines.set(line.name, line);
    const fault = this.#recordOutputs(line) ?? (await this.#request(line));
    if (!fault) return done(line);
    this.#lines.delete(line.name);
    this.options.health.setLineFault(line.name, null);
    return { ok: false, fault };
  }

  /** Requests all lines from a new sortbin-io. */
  async requestAll(): Promise<void> {
    for (const line of this.#lines.values()) await this.#requestAgain(line);
    this.#scheduleRetry();
  }

  handleEvent(event: IoEvent): void {
    const line = this.#lines.get(event.name);
    if (!line) {
      const fields = { line: event.name, event: event.type };
      this.options.log.warn(fields, 'sortbin-io reported an event of an unknown line');
    } else if (event.type === 'gone') {
      this.markGone(line, event.text);
    } else {
      line.handle(event);
    }
  }

  /** Marks a line as lost because its chip was unplugged. `text` comes from sortbin-io. */
  markGone(line: IoLine, text: string): void {
    const { log, health } = this.options;
    line.fault = faultOf(line.name, line.place, 'gone', text);
    log.warn({ line: line.name, code: line.fault.code, reason: line.fault.message }, 'line lost');
    line.onLost('gone');
    health.setLineFault(line.name, line.fault);
    this.#scheduleRetry();
  }

  /** Marks all lines as lost because sortbin-io ended. */
  markDown(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    for (const line of this.#lines.values()) line.onLost('down');
  }

  /** Resolves when all outputs are off. Call it after the command that turns them off. */
  async untilAllOff(): Promise<void> {
    await Promise.all([...this.#lines.values()].map((line) => line.untilOff()));
  }

  /** Records the outputs for `sortbin-io --safe`. An output that cannot be recorded is refused. */
  #recordOutputs(line: IoLine): Fault<LineFault> | null {
    const { outputsFile } = this.options;
    if (outputsFile === null || line.kind === 'input') return null;
    const outputs = [...this.#lines.values()].filter(({ kind }) => kind !== 'input');
    const commands = outputs.map(({ requestCommand }, index) => `${index + 1} ${requestCommand}\n`);
    try {
      makeFolder(dirname(outputsFile));
      writeDurably(outputsFile, commands.join(''), { mode: 0o644 });
      return null;
    } catch (thrown) {
      const message =
        `"${line.name}" (${line.place}): cannot record the output in ${outputsFile} (${messageOf(thrown)}). ` +
        'Check that sortbin may write to this folder.';
      return { code: 'line-refused', message, detail: line.name };
    }
  }

  /** Requests one line. Returns null if sortbin-io holds it. */
  async #request(line: IoLine): Promise<Fault<LineFault> | null> {
    const before = line.fault;
    const reply = await this.#sendRequest(line);
    if (!reply.ok) {
      return reply.code === 'down'
        ? { code: 'lines-down', message: reply.text }
        : faultOf(line.name, line.place, reply.code, reply.text);
    }
    await line.onRequested();
    // A `gone` event may have arrived meanwhile.
    return line.fault === before ? null : line.fault;
  }

  /** Retries a PWM channel: after an export it belongs to root until udev gives it to the group. */
  async #sendRequest(line: IoLine): Promise<Reply> {
    const { send, clock } = this.options;
    for (let tries = 1; ; tries++) {
      const reply = await send(line.requestCommand);
      if (reply.ok || reply.code !== 'denied' || line.kind !== 'pwm' || tries > UDEV_TRIES) return reply;
      await sleep(clock, UDEV_DELAY_MS);
    }
  }

  /** Requests a line that sortbin-io held before. If it is missing now, it was unplugged. */
  async #requestAgain(line: IoLine): Promise<void> {
    const fault = await this.#request(line);
    if (fault?.code === 'lines-down') return;
    line.fault = fault?.code === 'line-missing' ? { ...fault, code: 'line-gone' } : fault;
    this.options.health.setLineFault(line.name, line.fault);
  }

  #scheduleRetry(): void {
    if (this.#cancelRetry || !this.#isAnyLost()) return;
    const cancel = this.options.clock.after(this.#retries.nextMs(), async () => {
      for (const line of this.#lines.values()) if (line.fault) await this.#requestAgain(line);
      // sortbin-io was restarted meanwhile, so a newer retry is scheduled.
      if (this.#cancelRetry !== cancel) return;
      this.#cancelRetry = null;
      if (!this.#isAnyLost()) this.#retries.reset();
      this.#scheduleRetry();
    });
    this.#cancelRetry = cancel;
  }

  #isAnyLost(): boolean {
    return [...this.#lines.values()].some(({ fault }) => fault !== null);
  }
}
