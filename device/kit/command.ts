import type { z } from 'zod';
import type { Answer } from './errors.js';

/** Who sent a command. Events show it as the source. */
export type CommandSource = 'command' | 'button' | 'mqtt';

/** All commands of a bin. The configuration names those that may come over MQTT. */
export const COMMAND_NAMES = [
  'status',
  'trigger',
  'hold',
  'resume',
  'emptied',
  'dispute',
  'outbox-retry',
  'outbox-drop',
  'model.status',
  'model.list',
  'model.show',
  'model.root',
  'model.check',
  'model.install',
  'model.activate',
  'model.rollback',
  'model.pin',
  'model.unpin',
  'model.trust',
] as const;
export type CommandName = (typeof COMMAND_NAMES)[number];

export interface CommandContext {
  readonly source: CommandSource;
  /** Aborted when the daemon stops. */
  readonly signal: AbortSignal;
}

/**
 * - `control-refused`: the request is not valid, or its source may not send it.
 * - `control-unfit`: this bin cannot do it, for example because it has no such compartment.
 * - `control-failed`: the command was not executed, or it failed.
 * - `control-unknown`: the command may or may not have been executed.
 */
export type CommandFault = 'control-refused' | 'control-unfit' | 'control-failed' | 'control-unknown';

/** A request that a running bin accepts, from any adapter. */
export interface Command<Request = unknown, Result = unknown> {
  readonly name: string;
  /** What it does, for people. One sentence without a full stop. */
  readonly description: string;
  /** Checks the keys of the request, without `command` and `transaction`, which are reserved. */
  readonly schema: z.ZodType<Request>;
  /** The value of an answer, for the documentation. */
  readonly result: z.ZodType<Result>;
  /** Whether something may move. Such a command is recorded, and is executed at most once. */
  readonly actuates: boolean;
  /** Whether it only reads. Then it is never recorded, and a transaction has no effect. */
  readonly isQuery?: boolean;
  run(request: Request, context: CommandContext): Promise<Answer<Result, CommandFault>>;
}
