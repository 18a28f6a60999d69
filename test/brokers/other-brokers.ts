import { Consumer } from '../support/brokers/consumer.js';
import { NATS_USER, NatsCluster } from '../support/brokers/nats-cluster.js';
import { makeBacklog } from '../support/journal/backlog.js';
import { MqttProxy } from '../support/network/proxy.js';
import { PubackWitness } from '../support/network/puback-witness.js';
import { type Scenario, type Scenarios, withCleanup } from './scenario.js';

const ITEMS = 100;

/** A consumer of the embedded broker leaves and comes back. The broker keeps the messages of its session. */
const embedded: Scenario = (trial) =>
  withCleanup(async (later) => {
    const bin = trial.startBin({ embedded: { port: 0 } }, 'command');
    const { url } = await bin.waitForLog(/^broker selected$/);
    const consumer = await Consumer.connect(String(url), { protocolVersion: 4 });
    later(() => consumer.close());
    trial.record = consumer.record;
    await bin.waitForCommands();
    await trial.trigger(ITEMS);
    await consumer.leave();
    await trial.trigger(ITEMS);
    await consumer.comeBack();
    await trial.trigger(ITEMS);
    return trial.finish();
  });

const EVENTS = 2_000;
const EVENTS_BEFORE_STOP = 500;
const [BIN_NODE, OTHER_NODE, CONSUMER_NODE] = [0, 1, 2];

/**
 * The node of the bin is stopped under load. A load balancer leads the bin to another node. NATS may lose what it has
 * acknowledged: that is counted, and no fault of the bin.
 */
const nats: Scenario = (trial) =>
  withCleanup(async (later) => {
    makeBacklog(trial.dataDir, EVENTS);
    const cluster = await NatsCluster.start(trial.folder);
    later(() => cluster.stop());
    const consumer = await Consumer.connect(cluster.urlOf(CONSUMER_NODE), {
      ...NATS_USER,
      protocolVersion: 4,
    });
    later(() => consumer.close());
    trial.record = consumer.record;
    const balancer = await new MqttProxy(cluster.ports[BIN_NODE] ?? 0).start();
    later(() => balancer.stop());
    const witness = new PubackWitness();
    balancer.faultOf = (packet) => {
      witness.add(packet);
      return 'none';
    };
    trial.startBin({ url: balancer.url, ...NATS_USER, pubackMs: 5_000 }, 20);
    await trial.untilArrived(EVENTS_BEFORE_STOP);
    balancer.targetPort = cluster.ports[OTHER_NODE] ?? 0;
    await cluster.nodes[BIN_NODE]?.stop();
    await trial.untilArrived(EVENTS);
    await cluster.nodes[BIN_NODE]?.start();
    const verdict = await trial.finish({ lostByBroker: witness.acknowledged });
    const { length: lost } = verdict.missing.filter((seq) => witness.acknowledged.has(seq));
    verdict.notes.push(`${balancer.connections} connections, ${lost} acknowledged events lost by NATS`);
    return verdict;
  });

export const otherBrokerScenarios: Scenarios = { embedded, nats };
