import type { Readable } from 'node:stream';

/** A request whose path, method and size are allowed. */
export interface HttpRequest {
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Uint8Array;
  /** Aborted when the client has gone, or at the deadline of the answer. */
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly type: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream must send something more often than `HttpLimits.idleMs`. It is destroyed when the client has gone. */
  readonly body: string | Uint8Array | Readable;
}

export interface HttpRoute {
  /** GET also answers HEAD, without the body. */
  readonly method: 'GET' | 'POST';
  /** The whole path, such as `/metrics`. */
  readonly path: string;
  /** Returns the answer, or the beginning of a stream, before the deadline. An error becomes status 500. */
  answer(request: HttpRequest): HttpAnswer | Promise<HttpAnswer>;
}

/** Modules add their routes before the server starts. */
export interface HttpRoutes {
  /** @throws Error if there is a route with this method and path */
  add(route: HttpRoute): void;
}

export const JSON_TYPE = 'application/json; charset=utf-8';
