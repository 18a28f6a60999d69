import type { Choice, Prompt } from '../../../device/tools/setup/prompt.js';
import { Keys, ScreenInMemory } from '../calibrate/support.js';

/** Answers the questions of a setup in turn. An empty answer is the Enter key. */
export class ScriptedPrompt implements Prompt {
  readonly said: string[] = [];
  readonly questions: string[] = [];
  readonly keys = new Keys();
  readonly screen = new ScreenInMemory();

  constructor(private readonly answers: string[]) {}

  say(text: string): void {
    this.said.push(text);
  }

  async text(
    question: string,
    fallback: string,
    problemOf: (answer: string) => string | null = () => null,
  ): Promise<string> {
    this.questions.push(`${question} [${fallback}]`);
    const answer = this.answers.shift();
    if (answer === undefined) throw new Error(`no answer is left for: ${question}`);
    const problem = problemOf(answer || fallback);
    if (problem === null) return answer || fallback;
    this.say(problem);
    return this.text(question, fallback, problemOf);
  }

  secret(question: string): Promise<string> {
    return this.text(question, '');
  }

  async choose<Value extends string>(
    question: string,
    choices: readonly Choice<Value>[],
    fallback: Value,
  ): Promise<Value> {
    const answer = await this.text(question, fallback);
    const chosen = choices.find(({ value }) => value === answer);
    if (!chosen) throw new Error(`${question}: no choice ${answer}`);
    return chosen.value;
  }

  async confirm(question: string, fallback: boolean): Promise<boolean> {
    return (await this.text(question, fallback ? 'y' : 'n')) === 'y';
  }

  withKeys: Prompt['withKeys'] = (use) => use(this.keys, this.screen);
}
