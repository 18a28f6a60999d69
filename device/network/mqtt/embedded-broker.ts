import { once } from 'node:events';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import type { Logger } from 'pino';
import { messageOf, SortbinError } from '../../kit/errors.js';
import type { EmbeddedBroker } from './mqtt.js';

export interface EmbeddedBrokerOptions {
  /** The loopback by default: there are no passwords here. */
  readonly host?: string;
  /** 0 for one of the system's choice. */
  readonly port: number;
  /** Clients at once, 64 by default; more are closed at once. */
  readonly maxConnections?: number;
  /** Of one message; a client that sends a larger one is closed. 256 KiB by default. */
  readonly maxPayloadBytes?: number;
}

export class EmbeddedBrokerError extends SortbinError<'broker-listen-failed'> {
  override readonly name = 'EmbeddedBrokerError';
}

const DEFAULTS = { host: '127.0.0.1', maxConnections: 64, maxPayloadBytes: 256 * 1024 };
const FALLBACK_PORTS = 10;
const HIGHEST_PORT = 65_535;
/** From a client's socket to its CONNECT. */
const CONNECT_DEADLINE_MS = 10_000;

/**
 * A broker in this process, for bins without one: MQTT 3.1.1 over TCP, everything in memory. A port that is taken is
 * passed over for the next free of the ten after it, then for any.
 * @throws EmbeddedBrokerError where it cannot listen at all
 */
export const startEmbeddedBroker = async (
  options: EmbeddedBrokerOptions,
  log: Logger,
): Promise<EmbeddedBroker> => {
  const { host, port: requestedPort, maxConnections, maxPayloadBytes } = { ...DEFAULTS, ...options };
  const aedes = await Aedes.createBroker({
    connectTimeout: CONNECT_DEADLINE_MS,
    authorizePublish: (_client, { topic, payload }, callback) => {
      if (topic.startsWith('$')) return callback(new Error(`topic ${topic} is the broker's own`));
      const tooLarge = Buffer.byteLength(payload) > maxPayloadBytes;
      callback(tooLarge ? new Error(`message on ${topic} exceeds ${maxPayloadBytes} bytes`) : null);
    },
  });
  const warn = (client: { readonly id: string } | null, error: Error) =>
    log.warn({ client: client?.id }, `embedded broker: ${error.message}`);
  aedes.on('clientError', warn);
  aedes.on('connectionError', warn);

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
  server.on('error', (error) => log.error(`embedded broker: ${error.message}`));

  return {
    url: `mqtt://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    port,
    requestedPort,
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      // aedes closes the clients that it has greeted; the others would keep the server open.
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
      const message = `embedded broker cannot listen on ${host} port ${port}: ${messageOf(cause)}; choose another host or port`;
      throw new EmbeddedBrokerError('broker-listen-failed', message, { cause });
    }
  }
  throw new EmbeddedBrokerError('broker-listen-failed', `embedded broker finds no free port on ${host}`);
};
