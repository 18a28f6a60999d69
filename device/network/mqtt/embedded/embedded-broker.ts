import { once } from 'node:events';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { Aedes, type AuthenticateError, type Client } from 'aedes';
import type { Logger } from 'pino';
import type { Clock } from '../../../kit/clock.js';
import { messageOf, SortbinError } from '../../../kit/errors.js';
import type { EmbeddedBroker } from '../mqtt.js';
import { BoundedPersistence } from './bounded-persistence.js';
import { type BrokerLimits, DEFAULT_LIMITS, SubscriptionGrants } from './broker-limits.js';
import { PacketStream } from './packet-stream.js';
import { ThrottledLog } from './throttled-log.js';

export interface EmbeddedBrokerOptions extends Partial<BrokerLimits> {
  /** The loopback address by default, because this broker has no passwords. */
  readonly host?: string;
  /** 0: any free port. */
  readonly port: number;
}

export class EmbeddedBrokerError extends SortbinError<'broker-listen-failed'> {
  override readonly name = 'EmbeddedBrokerError';
}

const DEFAULT_HOST = '127.0.0.1';
const FALLBACK_PORTS = 10;
const HIGHEST_PORT = 65_535;
/** Deadline for the CONNECT of a client, from the moment its socket opens. */
const CONNECT_DEADLINE_MS = 10_000;
/** Interval of the TCP keepalive. It ends the connection of a computer that vanished. */
const TCP_KEEPALIVE_MS = 60_000;
const MAX_CLIENT_ID_LENGTH = 256;
/** Topic and message id of a PUBLISH, besides its payload. */
const MAX_HEADER_BYTES = 66_000;

type Warning = 'client' | 'connections' | 'session' | 'queue' | 'retained' | 'subscription';

/**
 * Starts a broker in this process: MQTT 3.1.1 over TCP, with all data in memory, within limits. If the port is in use,
 * it tries the next ten ports, then any free port.
 * @throws EmbeddedBrokerError if it cannot listen on any port
 */
export const startEmbeddedBroker = async (
  options: EmbeddedBrokerOptions,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): Promise<EmbeddedBroker> => {
  const { host = DEFAULT_HOST, port: requestedPort } = options;
  const limits = { ...DEFAULT_LIMITS, ...options };
  const warnings = new ThrottledLog<Warning>(clock, log);
  const aedes = await startAedes(limits, clock, warnings);

  const sockets = new Set<Socket>();
  const socketOptions = { allowHalfOpen: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEPALIVE_MS };
  const server = createServer(socketOptions, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    aedes.handle(new PacketStream(socket, limits.maxPayloadBytes + MAX_HEADER_BYTES));
  });
  server.maxConnections = limits.maxConnections;
  server.on('drop', () =>
    warnings.warn('connections', `a connection was closed: ${limits.maxConnections} clients are connected`),
  );
  const closeAedes = () => new Promise<void>((resolve) => aedes.close(resolve));
  const port = await listen(server, host, requestedPort).catch(async (thrown: unknown) => {
    await closeAedes();
    throw thrown;
  });
  server.on('error', (error) => log.error(`embedded broker: the server failed (${error.message})`));

  return {
    url: `mqtt://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    port,
    requestedPort,
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      // aedes closes only the clients that it has accepted. The other sockets would keep the server open.
      await closeAedes();
      for (const socket of sockets) socket.destroy();
      await closed;
      warnings.close();
    },
  };
};

const startAedes = async (
  limits: BrokerLimits,
  clock: Clock,
  warnings: ThrottledLog<Warning>,
): Promise<Aedes> => {
  const { maxPayloadBytes, maxSubscriptions, maxStallMs } = limits;
  const grants = new SubscriptionGrants(maxSubscriptions, clock);
  const persistence = new BoundedPersistence(limits, grants, {
    messageDropped: (id) =>
      warnings.warn('queue', `the oldest message for client ${quote(id)} was dropped: its queue is full`),
    sessionForgotten: (id) =>
      warnings.warn('session', `the session of client ${quote(id)} was dropped: it was absent longest`),
    notRetained: (topic) =>
      warnings.warn('retained', `a message on ${quote(topic)} was not retained: no space`),
  });
  const aedes = await Aedes.createBroker({
    persistence,
    connectTimeout: CONNECT_DEADLINE_MS,
    // All messages that wait for a slow client belong to publishers that wait too. A limit would stop the others.
    concurrency: 0,
    drainTimeout: maxStallMs,
    authenticate: ({ id }, _username, _password, callback) => {
      if (id.length <= MAX_CLIENT_ID_LENGTH) return callback(null, true);
      callback(identifierRejected(), false);
    },
    authorizePublish: (_client, { topic, payload, qos }, callback) => {
      const error = publishError(topic, Buffer.byteLength(payload), maxPayloadBytes);
      // In the same turn, a retained message would be later than the next one, and aedes would drop it as a repetition.
      if (qos === 0) setImmediate(callback, error);
      else callback(error);
    },
    authorizeSubscribe: (client, subscription, callback) => {
      const isGranted = grants.request(client, subscription.topic);
      if (!isGranted)
        warnings.warn(
          'subscription',
          `a subscription of client ${quote(client.id)} was refused: limit reached`,
        );
      callback(null, isGranted ? subscription : null);
    },
    authorizeForward: (client, packet) => (persistence.canForward(client, packet) ? packet : null),
  });
  aedes.on('unsubscribe', (filters, client) => grants.release(client, filters));
  logFailures(aedes, maxStallMs, warnings);
  return aedes;
};

/** Logs the first error of each client. aedes reports one more for each message that it could not send. */
const logFailures = (aedes: Aedes, maxStallMs: number, warnings: ThrottledLog<Warning>): void => {
  const failed = new WeakSet<Client>();
  const logFailure = (client: Client, { message }: Error) => {
    if (failed.has(client)) return;
    failed.add(client);
    const reason = message === 'drain timeout' ? `did not read its messages for ${maxStallMs} ms` : message;
    warnings.warn('client', `client ${client.id === null ? '' : `${quote(client.id)} `}failed (${reason})`);
  };
  aedes.on('clientError', logFailure);
  aedes.on('connectionError', logFailure);
};

const quote = (text: string): string => JSON.stringify(text.slice(0, 200));

const publishError = (topic: string, bytes: number, maxBytes: number): Error | null => {
  if (topic.startsWith('$')) return new Error(`topic ${topic} is reserved for the broker`);
  // aedes checks the topic of a PUBLISH, but not the one of a will.
  if (/[+#]/.test(topic)) return new Error(`topic ${topic} contains + or #`);
  return bytes > maxBytes ? new Error(`message on ${topic} exceeds ${maxBytes} bytes`) : null;
};

const identifierRejected = (): AuthenticateError =>
  Object.assign(new Error(`the client id exceeds ${MAX_CLIENT_ID_LENGTH} characters`), {
    returnCode: 2 as const,
  });

const listen = async (server: Server, host: string, requestedPort: number): Promise<number> => {
  const nearbyPorts = Array.from({ length: FALLBACK_PORTS + 1 }, (_, offset) => requestedPort + offset);
  const candidates = requestedPort === 0 ? [0] : [...nearbyPorts.filter((port) => port <= HIGHEST_PORT), 0];
  for (const port of candidates) {
    server.listen({ host, port });
    try {
      await once(server, 'listening');
      const address = server.address();
      if (address !== null && typeof address === 'object') return address.port;
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE') continue;
      const message = `mqtt.embedded: cannot listen on ${host} port ${port} (${messageOf(cause)}). Choose another host or port.`;
      throw new EmbeddedBrokerError('broker-listen-failed', message, { cause });
    }
  }
  throw new EmbeddedBrokerError(
    'broker-listen-failed',
    `mqtt.embedded: no free port on ${host}. Set mqtt.embedded.port to a free one.`,
  );
};
