/** Limits of the HTTP server. A client that exceeds one is disconnected, and the others are served. */
export interface HttpLimits {
  /** Further connections are refused. */
  readonly connections: number;
  readonly headerBytes: number;
  readonly bodyBytes: number;
  /** From the start of a connection, or of a further request, to the end of its headers. */
  readonly headersMs: number;
  /** Likewise, to the end of its body. */
  readonly requestMs: number;
  /** From the end of the request to the answer, or to the beginning of a stream. */
  readonly answerMs: number;
  /** Without any byte of an answer that the client accepts. */
  readonly idleMs: number;
  /** Between two requests of a connection. */
  readonly keepAliveMs: number;
  /** Interval at which the headers and requests that are still open are checked. */
  readonly checkMs: number;
}

export const HTTP_LIMITS: HttpLimits = {
  connections: 32,
  headerBytes: 8_192,
  bodyBytes: 65_536,
  headersMs: 5_000,
  requestMs: 10_000,
  answerMs: 5_000,
  idleMs: 10_000,
  keepAliveMs: 5_000,
  checkMs: 1_000,
};
