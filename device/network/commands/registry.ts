import type { Logger } from 'pino';
import { z } from 'zod';
import { type CommandRecord, JournalError } from '../../journal/journal.js';
import type { Clock } from '../../kit/clock.js';
import type { Command, CommandContext, CommandFault, CommandSource } from '../../kit/command.js';
import { sharedController, withDeadline } from '../../kit/deadline.js';
import { type Answer, failed, messageOf } from '../../kit/errors.js';
import type { NewId } from '../../kit/ids.js';
import type { Service } from '../../kit/service.js';
import { transactionSchema } from './commands.js';
import { RateLimit } from './rate-limit.js';

/** The durable record of the commands that were begun. The journal implements it. */
export interface Transactions {
  beginCommand(transaction: string, command: string, request: object): Promise<CommandRecord>;
  endCommand(transaction: string, answer: object): Promise<void>;
}

export interface CommandRegistryOptions {
  /** Returns whether a source may send a command. */
  readonly isAllowed: (command: string, source: CommandSource) => boolean;
  readonly transactions: Transactions;
  readonly newId: NewId;
  readonly clock: Clock;
  readonly log: Logger;
}

export type CommandAnswer = Answer<unknown, CommandFault>;

/** Deadline of an answer. The command continues after it, and a repeated transaction gets its answer. */
const ANSWER_MS = 4_000;

/** Part of a problem that is shown. A client chooses the keys of its request. */
const PROBLEM_CHARACTERS = 300;
/** Lines of the log about refused commands. Further ones are not written: a client can cause any number of them. */
const LOG_RATE = { burst: 20, perSecond: 0.2 };

const envelope = z.looseObject({ command: z.string(), transaction: transactionSchema.optional() });

/**
 * Executes commands for all adapters. A command with a transaction, and each one that actuates, is recorded before it is
 * executed, and is executed at most once.
 */
export class CommandRegistry implements Service {
  readonly name = 'commands';
  readonly #stopping = sharedController();
  readonly #commands = new Map<string, Command>();
  readonly #running = new Map<string, Promise<CommandAnswer>>();

  readonly #logged: RateLimit;

  constructor(private readonly options: CommandRegistryOptions) {
    this.#logged = new RateLimit(LOG_RATE, options.clock);
  }

  /** @throws Error if there is a command of this name */
  add(command: Command): void {
    if (this.#commands.has(command.name)) throw new Error(`command ${command.name}: added twice`);
    this.#commands.set(command.name, command);
  }

  async start(): Promise<void> {}

  /** Refuses further requests. A command that runs may end early. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the daemon is stopping'));
  }

  /** Checks and executes a request: an object with `command`, the keys of the command and an optional transaction. */
  async execute(input: unknown, source: CommandSource): Promise<CommandAnswer> {
    const { clock, log } = this.options;
    const { signal } = this.#stopping;
    const answer = signal.aborted
      ? failed('control-failed', 'request: not executed, because the daemon is stopping.')
      : await withDeadline(clock, ANSWER_MS, () => this.#execute(input, source), signal).catch((error) =>
          failed('control-unknown', `${messageOf(error)}. ${sendAgain(input)}`),
        );
    if (!answer.ok && this.#logged.take()) {
      const { code, message } = answer.fault;
      log.warn({ code, source }, `command refused: ${message}`);
    }
    return answer;
  }

  async #execute(input: unknown, source: CommandSource): Promise<CommandAnswer> {
    const parsed = envelope.safeParse(input);
    const command = parsed.success ? this.#commands.get(parsed.data.command) : undefined;
    if (!parsed.success)
      return this.#refused('not a JSON object with the name of a command and a valid transaction, if any');
    if (!command) return this.#refused(`unknown command "${parsed.data.command.slice(0, 64)}"`);
    const { command: name, transaction, ...keys } = parsed.data;
    if (!this.options.isAllowed(command.name, source))
      return failed('control-refused', `${name}: not allowed from the source "${source}".`);
    const request = command.schema.safeParse(keys);
    if (!request.success) return this.#refused(z.prettifyError(request.error).replace(/\s+/g, ' '));
    const run = () => runSafely(command, request.data, { source, signal: this.#stopping.signal });
    if (command.isQuery || (!command.actuates && transaction === undefined)) return run();
    return this.#once(transaction ?? this.options.newId(), name, keys, run);
  }

  /** Executes at most once for each transaction. A request that is sent again waits for the first one. */
  async #once(
    transaction: string,
    name: string,
    keys: object,
    run: () => Promise<CommandAnswer>,
  ): Promise<CommandAnswer> {
    const { transactions, log } = this.options;
    const previous = this.#running.get(transaction);
    const work = async (): Promise<CommandAnswer> => {
      await previous;
      const record = await transactions.beginCommand(transaction, name, keys);
      if (record.state === 'ended') return record.answer as CommandAnswer;
      if (record.state === 'unknown')
        return failed(
          'control-unknown',
          `${name}: begun before the daemon stopped. It may have been executed, and is not executed again.`,
        );
      const answer = await run();
      await transactions.endCommand(transaction, answer).catch((error) => {
        log.error({ transaction, command: name }, `the answer was not recorded: ${messageOf(error)}`);
      });
      return answer;
    };
    const running = work().catch((error): CommandAnswer => {
      const isReused = error instanceof JournalError && error.code === 'transaction-reused';
      const code = isReused ? 'control-refused' : 'control-failed';
      return failed(code, `${name}: not executed: ${messageOf(error)}`);
    });
    this.#running.set(transaction, running);
    const answer = await running;
    if (this.#running.get(transaction) === running) this.#running.delete(transaction);
    return answer;
  }

  #refused(problem: string): CommandAnswer {
    const known = [...this.#commands.keys()].join(', ');
    return failed(
      'control-refused',
      `request: ${shortened(problem)}. Send one JSON object with a command (${known}) and its keys.`,
    );
  }
}

const shortened = (text: string): string =>
  text.length <= PROBLEM_CHARACTERS ? text : `${text.slice(0, PROBLEM_CHARACTERS)} …`;

const sendAgain = (input: unknown): string => {
  const transaction = envelope.safeParse(input).data?.transaction;
  const again = transaction ? ` Send it again with the transaction "${transaction}" to get its result.` : '';
  return `It may have been executed.${again}`;
};

const runSafely = async (
  command: Command,
  request: unknown,
  context: CommandContext,
): Promise<CommandAnswer> => {
  try {
    return await command.run(request, context);
  } catch (error) {
    return failed('control-failed', `${command.name}: ${messageOf(error)}`);
  }
};
