import { setTimeout as wait } from 'node:timers/promises';
import type { EventBody } from '../../device/cycle/event.js';
import { Consumer } from '../support/brokers/consumer.js';
import { Mosquitto, type MosquittoOptions } from '../support/brokers/mosquitto.js';
import { makeBacklog } from '../support/journal/backlog.js';
import { CONNECT, MqttProxy, type PacketFault, type ProxiedPacket } from '../support/network/proxy.js';
import type { Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';
import { type Scenario, type Scenarios, withCleanup } from './scenario.js';
import type { Verdict } from './trial.js';

const EVENTS = 1_000;
const ITEMS = 20;
const BIN = { username: 'bin', password: 'bin-secret' };
const WATCH = { username: 'watch', password: 'watch-secret' };
const READ_ALL = ['topic read #'];
/** Larger than an event that `SMALL` reduces, and smaller than `info`. */
const PACKET_LIMIT = 800;
const SMALL: Partial<EventBody> = {
  scores: {},
  unfamiliar: null,
  model: null,
  runtime: null,
  frame: null,
  timingsMs: {},
};
const LARGE_EVENT = 100;
/** Each of `info`, the event, and the `state` with their faults is found after 6 or 7 closed connections. */
const MOST_CLOSES = 22;
const FAULT_MS = 20_000;
const DENIED_MS = 3_000;

/** Publishes a backlog and new items. `mqttOf` returns the configuration of the bin. */
const publish =
  (options: MosquittoOptions, mqttOf: (broker: Mosquitto) => object): Scenario =>
  (trial) =>
    withCleanup(async (later) => {
      makeBacklog(trial.dataDir, EVENTS);
      const broker = await Mosquitto.start(trial.folder, options);
      later(() => broker.stop());
      const consumer = await Consumer.connect(broker.url, options.users ? WATCH : {});
      later(() => consumer.close());
      trial.record = consumer.record;
      trial.startBin(mqttOf(broker), ITEMS);
      await trial.untilArrived(EVENTS);
      return trial.finish();
    });

type Version = '5' | '3.1.1';

/** Resets each connection with MQTT 5, so that the bin uses 3.1.1. */
const refuseMqtt5 = ({ type, bytes }: ProxiedPacket): PacketFault =>
  type === CONNECT && bytes[bytes.indexOf('MQTT') + 4] === 5 ? 'cut' : 'none';

/** Starts a proxy, through which Mosquitto and the bin use a version of MQTT. */
const startProxy = async (broker: Mosquitto, version: Version): Promise<MqttProxy> => {
  const proxy = await new MqttProxy(broker.port).start();
  if (version === '3.1.1') proxy.faultOf = refuseMqtt5;
  return proxy;
};

/** Adds a problem if the bin flapped, or if it used another version of MQTT. */
const checkConnections = (verdict: Verdict, { lines }: Sortbin, version: Version, most: number): Verdict => {
  const connections = lines.filter(({ msg }) => msg === 'connected to the broker');
  const { length: count } = connections;
  verdict.notes.push(`${count} connections`);
  if (count > most) verdict.problems.push(`the bin connected ${count} times`);
  if (connections.some(({ mqtt }) => mqtt !== version))
    verdict.problems.push(`the bin did not use MQTT ${version}`);
  return verdict;
};

/** `info` exceeds the limit of the broker, and so does one event. With MQTT 3.1.1, Mosquitto only closes the connection. */
const packetLimit =
  (version: Version): Scenario =>
  (trial) =>
    withCleanup(async (later) => {
      makeBacklog(trial.dataDir, 2 * LARGE_EVENT, (seq) => (seq === LARGE_EVENT ? {} : SMALL));
      const broker = await Mosquitto.start(trial.folder, { lines: [`max_packet_size ${PACKET_LIMIT}`] });
      later(() => broker.stop());
      const proxy = await startProxy(broker, version);
      later(() => proxy.stop());
      const consumer = await Consumer.connect(broker.url);
      later(() => consumer.close());
      trial.record = consumer.record;
      const bin = trial.startBin({ url: proxy.url });
      return checkConnections(await trial.finish({ refused: [LARGE_EVENT] }), bin, version, MOST_CLOSES);
    });

/**
 * The ACL forbids the topic of the events, until the owner of the broker corrects it. With MQTT 3.1.1, Mosquitto
 * acknowledges them all the same.
 */
const deniedTopic =
  (version: Version): Scenario =>
  (trial) =>
    withCleanup(async (later) => {
      makeBacklog(trial.dataDir, EVENTS);
      const others = ['availability', 'info', 'state', 'stats', 'fault/#'].map(
        (topic) => `topic readwrite sortbin/bin/${topic}`,
      );
      const broker = await Mosquitto.start(trial.folder, { users: { bin: others, watch: READ_ALL } });
      later(() => broker.stop());
      const proxy = await startProxy(broker, version);
      later(() => proxy.stop());
      const consumer = await Consumer.connect(broker.url, WATCH);
      later(() => consumer.close());
      trial.record = consumer.record;
      const bin = trial.startBin({ url: proxy.url, ...BIN });
      const isReported = () =>
        (consumer.topics.get('sortbin/bin/state') ?? []).some((state) =>
          state.includes('mqtt-not-authorised'),
        );
      await until('mqtt-not-authorised in the state', isReported, FAULT_MS);
      await wait(DENIED_MS);
      if (trial.record.seqs.length > 0) trial.problems.push('an event arrived against the ACL');
      broker.setAcl({ bin: ['topic readwrite sortbin/bin/#'], watch: READ_ALL });
      // Two newer events are tried after the oldest one, so that they can pass first if the ACL changes in between.
      const maxInversions = () => (version === '5' ? 2 : 0);
      return checkConnections(await trial.finish({ maxInversions }), bin, version, 3);
    });

const withPassword = { users: { bin: ['topic readwrite sortbin/bin/#'], watch: READ_ALL } };

export const mosquittoScenarios: Scenarios = {
  'mosquitto-password': publish(withPassword, ({ url }) => ({ url, ...BIN })),
  'mosquitto-tls': publish({ ...withPassword, hasTls: true }, ({ tlsPort, clientFiles }) => ({
    url: `mqtts://localhost:${tlsPort}`,
    ...clientFiles,
    ...BIN,
  })),
  'mosquitto-websocket': publish({}, ({ webSocketPort }) => ({ url: `ws://127.0.0.1:${webSocketPort}` })),
  'mosquitto-packet-limit': packetLimit('5'),
  'mosquitto-packet-limit-3.1.1': packetLimit('3.1.1'),
  'mosquitto-acl': deniedTopic('5'),
  'mosquitto-acl-3.1.1': deniedTopic('3.1.1'),
};
