import { createInterface, type Interface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { ReadStream } from 'node:tty';
import { plain } from '../../kit/plain-text.js';
import { wrapText } from '../../kit/wrap.js';
import type { Key, Screen } from '../calibrate/calibrate.js';
import { readKeys, terminalScreen } from '../calibrate/terminal.js';
import type { Choice, Prompt } from './prompt.js';

/** The maximum width of a text. A wider terminal is hard to read. */
const MAX_COLUMNS = 80;
/** The time to read what the terminal has buffered. */
const BUFFERED_MS = 20;

/** A prompt on a terminal. */
export class TerminalPrompt implements Prompt {
  constructor(
    private readonly input: ReadStream,
    private readonly output: NodeJS.WriteStream,
    /** Ctrl-C and the end of the input abort it. */
    private readonly stop: AbortController,
    private readonly interruption: () => Error,
  ) {}

  get #columns(): number {
    return Math.min(this.output.columns || MAX_COLUMNS, MAX_COLUMNS);
  }

  say(text: string): void {
    const lines = text.split('\n').map(plain).join('\n');
    for (const line of wrapText(lines, this.#columns - 1)) this.output.write(`${line}\n`);
  }

  async text(
    question: string,
    fallback: string,
    problemOf: (answer: string) => string | null = () => null,
  ): Promise<string> {
    const shown = fallback === '' ? '' : ` [${plain(fallback)}]`;
    const line = `${question}${shown}`;
    const isLong = line.length > this.#columns - 20;
    if (isLong) this.say(line);
    for (;;) {
      const answer = (await this.#ask(isLong ? ': ' : `${line}: `, this.output)).trim() || fallback;
      const problem = problemOf(answer);
      if (problem === null) return answer;
      this.say(problem);
    }
  }

  secret(question: string): Promise<string> {
    const silent = new Writable({ write: (_chunk, _encoding, written) => written() });
    return this.#ask(`${question}: `, silent).finally(() => this.output.write('\n'));
  }

  async choose<Value extends string>(
    question: string,
    choices: readonly Choice<Value>[],
    fallback: Value,
  ): Promise<Value> {
    for (const [index, { label }] of choices.entries()) this.say(`  ${index + 1}  ${label}`);
    const preset = choices.findIndex(({ value }) => value === fallback) + 1;
    for (;;) {
      const answer = await this.text(question, `${preset}`);
      const chosen = choices[Number(answer) - 1] ?? choices.find(({ value }) => value === answer);
      if (chosen) return chosen.value;
      this.say(`"${answer}" is not a choice. Use a number from 1 to ${choices.length}.`);
    }
  }

  async confirm(question: string, fallback: boolean): Promise<boolean> {
    for (;;) {
      const answer = (await this.text(`${question} (y/n)`, fallback ? 'y' : 'n')).toLowerCase();
      if (/^(y|yes|n|no)$/.test(answer)) return answer.startsWith('y');
      this.say(`"${answer}" is not an answer. Use y or n.`);
    }
  }

  async withKeys<T>(use: (keys: AsyncIterator<Key>, screen: Screen) => Promise<T>): Promise<T> {
    const keys = readKeys(this.input, this.stop.signal);
    const next = async () => {
      const pending = keys.next();
      // A question has paused the input. A new listener alone does not resume it.
      this.input.resume();
      const key = await pending;
      if (key.value === 'ctrl-c') this.stop.abort(this.interruption());
      return key;
    };
    try {
      const result = await use({ next }, terminalScreen(this.output));
      this.stop.signal.throwIfAborted();
      return result;
    } finally {
      await keys.return(undefined);
    }
  }

  async #ask(question: string, output: NodeJS.WritableStream): Promise<string> {
    const { signal } = this.stop;
    await this.#dropTypedKeys();
    signal.throwIfAborted();
    const lines: Interface = createInterface({ input: this.input, output, terminal: true, historySize: 0 });
    const end = () => this.stop.abort(this.interruption());
    lines.once('SIGINT', end);
    lines.once('close', end);
    // A terminal that was closed reports an error when its mode is changed.
    lines.on('error', end);
    try {
      // A hidden answer has a visible question. The terminal shows no key from now on.
      if (output !== this.output) this.output.write(question);
      return await lines.question(question, { signal });
    } catch (thrown) {
      signal.throwIfAborted();
      throw thrown;
    } finally {
      lines.removeListener('close', end);
      lines.close();
    }
  }

  /** Keys that were typed before a question, such as during a test, must not answer it. */
  async #dropTypedKeys(): Promise<void> {
    this.stop.signal.throwIfAborted();
    const onKeys = (keys: Buffer | string) => {
      if (keys.includes('\u0003')) this.stop.abort(this.interruption());
    };
    // Without raw mode, the terminal would keep an incomplete line for the question.
    this.input.setRawMode(true);
    this.input.on('data', onKeys).resume();
    await pause(BUFFERED_MS);
    this.input.pause().removeListener('data', onKeys);
  }
}
