import { once } from 'node:events';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import type { Logger } from 'pino';
import { messageOf, SortbinError } from '../../kit/errors.js';
import { type EmbeddedBroker, MAX_PAYLOAD_BYTES } from './mqtt.js';

export interface EmbeddedBrokerOptions {
  /** The loopback address by default, because this broker has no passwords. */
  readonly host?: string;
  /** 0: any free port. */
  readonly port: number;
  /** Maximum number of clients, 64 by default. Further connections are closed immediately. */
  readonly maxConnections?: number;
  /** Maximum payload of one message, 256 KiB by default. A client that sends a larger one is disconnected. */
  readonly maxPayloadBytes?: number;
}

export class EmbeddedBrokerError extends SortbinError<'broker-listen-failed'> {
  override readonly name = 'EmbeddedBrokerError';
}

const DEFAULTS = { host: '127.0.0.1', maxConnections: 64, maxPayloadBytes: MAX_PAYLOAD_BYTES };
const FALLBACK_PORTS = 10;
const HIGHEST_PORT = 65_535;
/** Deadline for the CONNECT of a client, from the moment its socket opens. */
const CONNECT_DEADLINE_MS = 10_000;

/**
 * Starts a broker in this process: MQTT 3.1.1 over TCP, with all data in memory. If the port is in use, it tries the
 * next ten ports, then any free port.
 * @throws EmbeddedBrokerError if it cannot listen on any port
 */
export const startEmbeddedBroker = async (
  options: EmbeddedBrokerOptions,
  log: Logger,
): Promise<EmbeddedBroker> => {
  const { host, port: requestedPort, maxConnections, maxPayloadBytes } = { ...DEFAULTS, ...options };
  const aedes = await Aedes.createBroker({
    connectTimeout: CONNECT_DEADLINE_MS,
    authorizePublish: (_client, { topic, payload }, callback) => {
      if (topic.startsWith('$')) return callback(new Error(`topic ${topic} is reserved for the broker`));
      const tooLarge = Buffer.byteLength(payload) > maxPayloadBytes;
      callback(tooLarge ? new Error(`message on ${topic} exceeds ${maxPayloadBytes} bytes`) : null);
    },
  });
  const logClientError = (client: { readonly id: string } | null, error: Error) =>
    log.warn({ client: client?.id }, `embedded broker: a client failed (${error.message})`);
  aedes.on('clientError', logClientError);
  aedes.on('connectionError', logClientError);

  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    aedes.handle(socket);
  });
  server.maxConnections = maxConnections;
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
    },
  };
};

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
