import {
  ConnectionError,
  type ConnectionErrorCode,
  type ConnectionErrorOptions,
  hex,
  REASON,
  reasonCodeOf,
} from './connection-error.js';
import type { SentMessage } from './sent-messages.js';

const CHECK_RULES = 'Check the access rules of the broker.';
const RAISE_LIMIT = 'Raise the maximum packet size of the broker.';
/** What to do if two clients have one id. */
export const UNIQUE_ID = 'Run each bin once, and give each bin its own bin.id.';

/** Makes the errors of the connections to one broker. */
export class BrokerErrors {
  constructor(
    /** The URL of the broker without credentials. */
    private readonly brokerName: string,
    private readonly clientId: string,
  ) {}

  error(code: ConnectionErrorCode, problem: string, options?: ConnectionErrorOptions): ConnectionError {
    return new ConnectionError(code, `broker ${this.brokerName}: ${problem}`, options);
  }

  /** Returns the error of a message that is not sent. */
  aboveLimit({ topic, bytes }: SentMessage, maximumBytes: number): ConnectionError {
    const problem = `message on ${topic} is too large: ${bytes} bytes. The broker accepts at most ${maximumBytes} bytes`;
    return this.error('message-too-large', `${problem}. ${RAISE_LIMIT}`);
  }

  /**
   * Returns the error of a PUBACK, or null if `cause` is not the error of a PUBACK. `fits`: the broker has accepted
   * messages of this size.
   */
  refusedMessage({ topic, bytes }: SentMessage, cause: Error, fits: boolean): ConnectionError | null {
    const reasonCode = reasonCodeOf(cause);
    if (reasonCode === null) return null;
    const refused = `message on ${topic} refused with ${hex(reasonCode)} (${cause.message})`;
    const options = { cause, reasonCode };
    if (reasonCode === REASON.notAuthorised)
      return this.error('not-authorised', `${refused}. ${CHECK_RULES}`, options);
    if (reasonCode === REASON.packetTooLarge && !fits)
      return this.error('message-too-large', `${refused}: ${bytes} bytes. ${RAISE_LIMIT}`, options);
    return this.error('publish-refused', refused, options);
  }

  /** Returns the error of a DISCONNECT. `tooLarge`: the message that is too large; null: none is for certain. */
  disconnected(reasonCode: number, reasonString: string, tooLarge: SentMessage | null): ConnectionError {
    const disconnect = `DISCONNECT ${hex(reasonCode)} ${reasonString}`.trimEnd();
    const lost = `connection lost (${disconnect})`;
    const options = { reasonCode };
    if (reasonCode === REASON.notAuthorised)
      return this.error('not-authorised', `${lost}. ${CHECK_RULES}`, options);
    if (reasonCode === REASON.sessionTakenOver) {
      const problem = `another client uses the client id "${this.clientId}" (${disconnect})`;
      return this.error('session-taken-over', `${problem}. ${UNIQUE_ID}`, options);
    }
    if (!tooLarge) return this.error('connection-lost', lost, options);
    const problem = `message on ${tooLarge.topic} is too large: ${tooLarge.bytes} bytes`;
    return this.error('message-too-large', `${problem} (${disconnect}). ${RAISE_LIMIT}`, options);
  }
}
