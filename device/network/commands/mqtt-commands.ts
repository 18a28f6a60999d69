import type { Logger } from 'pino';
import type { z } from 'zod';
import type { Clock } from '../../kit/clock.js';
import { failed } from '../../kit/errors.js';
import type { Service } from '../../kit/service.js';
import { type IncomingMessage, isTopic, MAX_PAYLOAD_BYTES, type Publisher } from '../mqtt/mqtt.js';
import { valueOfJson } from './commands.js';
import { type Response, requestHeadSchema } from './messages.js';
import { RateLimit } from './rate-limit.js';
import type { CommandAnswer, CommandRegistry } from './registry.js';

export interface MqttCommandsOptions {
  readonly commands: Pick<CommandRegistry, 'execute'>;
  readonly publisher: Pick<Publisher, 'subscribe' | 'publish'>;
  /** The first part of all topics of all bins: `sortbin`. */
  readonly prefix: string;
  /** The id of this bin. */
  readonly bin: string;
  readonly clock: Clock;
  readonly log: Logger;
}

const REQUEST = 'request/';
const RESPONSE = 'response/';
/** Maximum payload of a request. */
export const REQUEST_BYTES = 16_384;
/** Requests that may come at once, and their mean rate. Further ones are refused. */
const RATE = { burst: 20, perSecond: 2 };
/** Responses to refused requests, and log lines about them. Further ones are not sent. */
const REFUSAL_RATE = { burst: 20, perSecond: 0.2 };

/**
 * Accepts commands on `request/<command>`: a JSON object with the keys of the command, and optionally `transaction` and
 * `expires`. The response goes to `response/<command>`, or to the response topic of MQTT 5.
 */
export class MqttCommands implements Service {
  readonly name = 'MQTT commands';
  readonly #rate: RateLimit;
  readonly #refusals: RateLimit;
  #unsubscribe = () => {};

  constructor(private readonly options: MqttCommandsOptions) {
    this.#rate = new RateLimit(RATE, options.clock);
    this.#refusals = new RateLimit(REFUSAL_RATE, options.clock);
  }

  async start(): Promise<void> {
    const { publisher } = this.options;
    this.#unsubscribe = publisher.subscribe(`${REQUEST}+`, (message) => this.#serve(message));
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
  }

  async #serve(message: IncomingMessage): Promise<void> {
    const command = message.topic.slice(REQUEST.length);
    const parsed = parseRequest(message.payload);
    const request = typeof parsed === 'string' ? {} : parsed;
    const { transaction } = request;
    const problem = this.#problemOf(message, parsed);
    if (problem !== null) {
      if (!this.#refusals.take()) return;
      this.options.log.warn(
        { topic: message.topic.slice(0, 100), source: 'mqtt' },
        `request refused: ${problem}`,
      );
      return this.#respond(message, command, transaction, failed('control-refused', `request: ${problem}`));
    }
    const { expires: _, ...keys } = request;
    const answer = await this.options.commands.execute({ ...keys, command }, 'mqtt');
    if (!answer.ok && !this.#refusals.take()) return;
    await this.#respond(message, command, transaction, answer);
  }

  /** Returns why a request is refused before the command is known; null: it is not. */
  #problemOf(message: IncomingMessage, request: Request | string): string | null {
    const { retained, duplicate, expirySeconds } = message;
    if (retained) return 'it is a retained message, which may be old. Send it without the retain flag.';
    if (!this.#rate.take()) return `more than ${RATE.perSecond} a second. Send fewer.`;
    if (typeof request === 'string') return request;
    const expired = this.#expiryProblem(request, expirySeconds);
    if (expired !== null) return expired;
    if (duplicate && request.transaction === undefined)
      return 'the broker may have sent it before. Add a "transaction" to send it again.';
    return null;
  }

  #expiryProblem({ expires }: Request, expirySeconds: number | null): string | null {
    const { clock } = this.options;
    if (expirySeconds === 0) return 'it is expired.';
    if (expires === undefined) return null;
    if (!clock.synchronised()) return 'expires: the clock of the bin is not synchronised. Send it without.';
    return Date.parse(expires) <= clock.wallMs() ? 'it is expired.' : null;
  }

  async #respond(
    { responseTopic, correlationData }: IncomingMessage,
    command: string,
    transaction: string | undefined,
    answer: CommandAnswer,
  ): Promise<void> {
    const { publisher, log } = this.options;
    const topic = this.#isFit(responseTopic) ? { absolute: responseTopic } : `${RESPONSE}${command}`;
    // The name of an unknown command may be anything.
    if (!isTopic(this.options, topic)) return;
    const encode = (value: CommandAnswer) => {
      const response: Response = { schema: 1, transaction: transaction ?? null, ...value };
      return JSON.stringify(response);
    };
    const text = encode(answer);
    const payload =
      Buffer.byteLength(text) <= MAX_PAYLOAD_BYTES
        ? text
        : encode(
            failed('control-failed', `${command}: executed, but its answer is too large for one message.`),
          );
    const sent = await publisher.publish(topic, payload, correlationData ? { correlationData } : {});
    if (!sent.ok) log.warn({ command, code: sent.fault.code }, `response not sent: ${sent.fault.message}`);
  }

  /** A response must not become a message of this bin or a request to another one. */
  #isFit(topic: string | null): topic is string {
    const { prefix, bin } = this.options;
    if (topic === null || !isTopic(this.options, { absolute: topic })) return false;
    return !topic.startsWith(`${prefix}/`) || topic.startsWith(`${prefix}/${bin}/${RESPONSE}`);
  }
}

type Request = z.infer<typeof requestHeadSchema>;

const PROBLEMS: ReadonlyMap<unknown, string> = new Map([
  ['transaction', 'transaction: not a text of 1 to 64 printable ASCII characters without spaces.'],
  ['expires', 'expires: not a time of ISO 8601 with a time zone, such as 2026-01-31T12:00:00Z.'],
]);
const NO_OBJECT = 'not a JSON object in UTF-8.';

/** Returns the request, or the problem of the payload. An empty one is a request without keys. */
const parseRequest = (payload: Uint8Array): Request | string => {
  if (payload.length === 0) return {};
  if (payload.length > REQUEST_BYTES) return `${payload.length} bytes. At most ${REQUEST_BYTES} are allowed.`;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
    const parsed = requestHeadSchema.safeParse(valueOfJson(text));
    return parsed.data ?? PROBLEMS.get(parsed.error?.issues[0]?.path[0]) ?? NO_OBJECT;
  } catch {
    return NO_OBJECT;
  }
};
