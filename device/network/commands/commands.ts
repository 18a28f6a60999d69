import { z } from 'zod';
import { type Answer, SortbinError } from '../../kit/errors.js';

/** What somebody may ask of a running bin. */
export const controlRequest = z.discriminatedUnion('command', [
  z.strictObject({ command: z.literal('trigger') }),
  z.strictObject({ command: z.literal('emptied'), compartment: z.string().max(63) }),
]);
export type ControlRequest = z.infer<typeof controlRequest>;

/** `control-refused`: it is not one of the requests; `control-unfit`: this bin has no such trigger or compartment. */
export type ControlFault = 'control-refused' | 'control-unfit';
export type ControlAnswer = Answer<string, ControlFault>;

/** Does what was asked; answers with what was done, in words. */
export type CommandHandler = (request: ControlRequest) => ControlAnswer;

/** `control-down`: no bin listens there; `control-answer`: what answers is none, or does not in time. */
export type ControlErrorCode = 'control-down' | 'control-answer';
export class ControlError extends SortbinError<ControlErrorCode> {}

/** Beside the journal. */
export const CONTROL_SOCKET = 'control.sock';

/** A request and its answer are one line each, of at most so many bytes. */
export const LINE_BYTES = 4_096;
