import { isDeepStrictEqual } from 'node:util';
import type { Database } from './database.js';
import { type CommandRecord, JournalError, MAX_COMMANDS } from './journal.js';

interface CommandRow {
  readonly command: string;
  readonly request: string;
  readonly answer: string | null;
}

/** The transactions of commands. Callers wrap each change in a transaction of the database. */
export class CommandTable {
  readonly #sql: ReturnType<typeof statements>;

  constructor(
    db: Database,
    private readonly run: string,
  ) {
    this.#sql = statements(db);
  }

  begin(transaction: string, command: string, request: object): CommandRecord {
    const json = JSON.stringify(request);
    const found = this.#find(transaction);
    if (found) {
      if (found.command !== command || !isSameJson(found.request, json)) {
        throw transactionReused(transaction, found.command);
      }
      return recordOf(found.answer === null ? undefined : (JSON.parse(found.answer) as object));
    }
    if (this.#count('open', this.run) >= MAX_COMMANDS) throw tooManyCommands(command);
    this.#sql.add.run(transaction, this.run, command, json);
    const excess = this.#count('all') - MAX_COMMANDS;
    if (excess > 0) this.#sql.trim.run(this.run, excess);
    return { state: 'begun' };
  }

  end(transaction: string, answer: object): void {
    const json = JSON.stringify(answer);
    const found = this.#find(transaction);
    if (!found) throw unknownTransaction(transaction);
    if (found.answer === null) this.#sql.end.run(json, transaction);
    else if (!isSameJson(found.answer, json)) throw alreadyEnded(transaction);
  }

  #find(transaction: string): CommandRow | undefined {
    return this.#sql.find.get(transaction) as CommandRow | undefined;
  }

  #count(which: 'open' | 'all', ...values: string[]): number {
    return (this.#sql[which].get(...values) as { count: number }).count;
  }
}

const isSameJson = (a: string, b: string): boolean => isDeepStrictEqual(JSON.parse(a), JSON.parse(b));

/** Returns the record of a transaction that was begun before. Undefined: it has no answer. */
export const recordOf = (answer: object | undefined): CommandRecord =>
  answer === undefined ? { state: 'unknown' } : { state: 'ended', answer };

export const transactionReused = (transaction: string, command: string) =>
  new JournalError(
    'transaction-reused',
    `transaction ${JSON.stringify(transaction)}: already used for ${JSON.stringify(command)}, with another command or request. Use a new transaction id for each request.`,
  );

export const unknownTransaction = (transaction: string) =>
  new JournalError(
    'unknown-transaction',
    `transaction ${JSON.stringify(transaction)}: not begun. Begin a command before you end it.`,
  );

export const alreadyEnded = (transaction: string) =>
  new JournalError(
    'already-finished',
    `transaction ${JSON.stringify(transaction)}: already ended, with another answer`,
  );

export const tooManyCommands = (command: string) =>
  new JournalError(
    'journal-busy',
    `command ${JSON.stringify(command)}: ${MAX_COMMANDS} commands have no answer yet. Try again later.`,
  );

const statements = (db: Database) => ({
  find: db.prepare('select command, request, answer from commands where id = ?'),
  add: db.prepare('insert into commands (id, run, command, request) values (?, ?, ?, ?)'),
  end: db.prepare('update commands set answer = ? where id = ?'),
  all: db.prepare('select count(*) as count from commands'),
  open: db.prepare('select count(*) as count from commands where run = ? and answer is null'),
  trim: db.prepare(`delete from commands where row in (select row from commands
    where not (run = ? and answer is null) order by row limit ?)`),
});
