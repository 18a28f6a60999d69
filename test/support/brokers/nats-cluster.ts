import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { connectAsync } from 'mqtt';
import { freePorts } from './ports.js';
import { ServerProcess } from './server-process.js';

const NODES = 3;
const READY_MS = 60_000;

/** The only user: each node refuses MQTT without one. */
export const NATS_USER = { username: 'bin', password: 'bin-secret' };

/** Three NATS nodes on loopback, with MQTT 3.1.1 on JetStream. */
export class NatsCluster {
  private constructor(
    /** The MQTT ports. */
    readonly ports: readonly number[],
    readonly nodes: readonly ServerProcess[],
  ) {}

  static async start(parent: string): Promise<NatsCluster> {
    const folder = join(parent, 'nats');
    mkdirSync(folder);
    const ports = await freePorts(3 * NODES);
    const [client, route, mqtt] = [0, 1, 2].map((kind) => ports.slice(kind * NODES, (kind + 1) * NODES));
    const routes = route?.map((port) => `"nats://127.0.0.1:${port}"`).join(', ') ?? '';
    const nodes = Array.from({ length: NODES }, (_, node) => {
      const name = `n${node + 1}`;
      const config = join(folder, `${name}.conf`);
      const parts = {
        name,
        folder,
        routes,
        client: client?.[node],
        route: route?.[node],
        mqtt: mqtt?.[node],
      };
      writeFileSync(config, configOf(parts));
      return new ServerProcess(['nats-server', '-c', config], join(folder, `${name}.log`), 'nats-server');
    });
    const cluster = new NatsCluster(mqtt ?? [], nodes);
    await Promise.all(nodes.map((node) => node.start()));
    for (const node of nodes.keys()) await cluster.untilReady(node);
    return cluster;
  }

  urlOf(node: number): string {
    return `mqtt://127.0.0.1:${this.ports[node]}`;
  }

  /** Waits until a node accepts an MQTT client: the cluster has a leader then. */
  async untilReady(node: number): Promise<void> {
    const endMs = performance.now() + READY_MS;
    const options = { ...NATS_USER, protocolVersion: 4 as const, reconnectPeriod: 0, connectTimeout: 5_000 };
    while (performance.now() < endMs) {
      try {
        const client = await connectAsync(this.urlOf(node), { ...options, clientId: `ready-${node}` }, false);
        await client.endAsync();
        return;
      } catch {
        await wait(200);
      }
    }
    throw new Error(`node ${node + 1} of NATS is not ready:\n${this.nodes[node]?.log}`);
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }
}

const configOf = (
  node: Record<'name' | 'folder' | 'routes' | 'client' | 'route' | 'mqtt', unknown>,
): string => `
server_name: ${node.name}
listen: 127.0.0.1:${node.client}
jetstream { store_dir: "${node.folder}/${node.name}", max_mem: 64M, max_file: 256M }
cluster { name: test, listen: 127.0.0.1:${node.route}, routes: [ ${node.routes} ] }
mqtt { listen: "127.0.0.1:${node.mqtt}", ack_wait: "5s", max_ack_pending: 1000 }
authorization { users: [ { user: ${NATS_USER.username}, password: "${NATS_USER.password}" } ] }
`;
