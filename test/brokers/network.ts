import { Consumer } from '../support/brokers/consumer.js';
import { Mosquitto } from '../support/brokers/mosquitto.js';
import { makeBacklog } from '../support/journal/backlog.js';
import {
  MqttProxy,
  type PacketFault,
  type ProxiedPacket,
  PUBACK,
  PUBLISH,
} from '../support/network/proxy.js';
import { randomOf } from '../support/random.js';
import { type Scenario, type Scenarios, withCleanup } from './scenario.js';

const EVENTS = 2_000;
const ITEMS = 50;
const SEED = 1;
const PUBACK_MS = 500;
/** The default of `mqtt.window`. */
const WINDOW = 16;

type MakeFault = (random: () => number) => (packet: ProxiedPacket) => PacketFault;

/** Returns a fault that happens at most `limit` times, with a probability, to packets of a type. */
const atMost = (
  limit: number,
  probability: number,
  types: readonly number[],
  fault: (random: () => number) => PacketFault,
): MakeFault => {
  let left = limit;
  return (random) => (packet) => {
    if (left === 0 || !types.includes(packet.type) || random() > probability) return 'none';
    left -= 1;
    return fault(random);
  };
};

/** Publishes a backlog and new items through a proxy that damages the traffic. */
const throughProxy =
  (makeFault: () => MakeFault, maxInversions = 0): Scenario =>
  (trial) =>
    withCleanup(async (later) => {
      makeBacklog(trial.dataDir, EVENTS);
      const broker = await Mosquitto.start(trial.folder);
      later(() => broker.stop());
      const proxy = await new MqttProxy(broker.port).start();
      later(() => proxy.stop());
      const consumer = await Consumer.connect(broker.url);
      later(() => consumer.close());
      trial.record = consumer.record;
      const faultOf = makeFault()(randomOf(SEED));
      let faults = 0;
      proxy.faultOf = (packet) => {
        const fault = faultOf(packet);
        if (fault !== 'none') faults += 1;
        return fault;
      };
      trial.startBin({ url: proxy.url, pubackMs: PUBACK_MS }, ITEMS);
      await trial.untilArrived(EVENTS);
      const verdict = await trial.finish({ maxInversions: () => maxInversions });
      verdict.notes.push(`${faults} faults, ${proxy.connections} connections`);
      return verdict;
    });

const MESSAGES = [PUBLISH, PUBACK];
const SWALLOWED = 10;

export const networkScenarios: Scenarios = {
  'proxy-swallow-puback': throughProxy(() => atMost(SWALLOWED, 0.01, [PUBACK], () => 'swallow')),
  // TCP does not lose a message and keep a later one. If the network does, the window is what may overtake.
  'proxy-swallow-publish': throughProxy(
    () => atMost(SWALLOWED, 0.01, [PUBLISH], () => 'swallow'),
    SWALLOWED * WINDOW,
  ),
  'proxy-delay': throughProxy(() => atMost(200, 0.05, MESSAGES, (random) => ({ delayMs: random() * 100 }))),
  'proxy-double': throughProxy(() => {
    const double = atMost(EVENTS, 0.3, MESSAGES, (random) =>
      random() < 0.5 ? 'double' : { repeatAfterMs: random() * 50 },
    );
    const cut = atMost(20, 0.005, MESSAGES, () => 'cut');
    return (random) => {
      const [cutOf, doubleOf] = [cut(random), double(random)];
      return (packet) => {
        const fault = cutOf(packet);
        return fault === 'none' ? doubleOf(packet) : fault;
      };
    };
  }),
  'proxy-cut': throughProxy(() => atMost(40, 0.01, MESSAGES, () => 'cut')),
  'proxy-stall': throughProxy(() => atMost(10, 0.005, MESSAGES, () => 'stall')),
};
