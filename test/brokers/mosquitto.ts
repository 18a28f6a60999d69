import { setTimeout as wait } from 'node:timers/promises';
import type { EventBody } from '../../device/cycle/event.js';
import { Consumer } from '../support/brokers/consumer.js';
import { Mosquitto, type MosquittoOptions } from '../support/brokers/mosquitto.js';
import { makeBacklog } from '../support/journal/backlog.js';
import { type Scenario, type Scenarios, withCleanup } from './scenario.js';

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

/** `info` exceeds the limit of the broker, and so does one event. */
const packetLimit: Scenario = (trial) =>
  withCleanup(async (later) => {
    makeBacklog(trial.dataDir, 2 * LARGE_EVENT, (seq) => (seq === LARGE_EVENT ? {} : SMALL));
    const broker = await Mosquitto.start(trial.folder, { lines: [`max_packet_size ${PACKET_LIMIT}`] });
    later(() => broker.stop());
    const consumer = await Consumer.connect(broker.url);
    later(() => consumer.close());
    trial.record = consumer.record;
    trial.startBin({ url: broker.url });
    return trial.finish({ refused: [LARGE_EVENT] });
  });

/** The ACL forbids the topic of the events, until the owner of the broker corrects it. */
const deniedTopic: Scenario = (trial) =>
  withCleanup(async (later) => {
    makeBacklog(trial.dataDir, EVENTS);
    const others = ['availability', 'info', 'state'].map((topic) => `topic readwrite sortbin/bin/${topic}`);
    const broker = await Mosquitto.start(trial.folder, { users: { bin: others, watch: READ_ALL } });
    later(() => broker.stop());
    const consumer = await Consumer.connect(broker.url, WATCH);
    later(() => consumer.close());
    trial.record = consumer.record;
    const bin = trial.startBin({ url: broker.url, ...BIN });
    await bin.waitForLog(/connected to the broker/);
    await wait(3_000);
    broker.setAcl({ bin: ['topic readwrite sortbin/bin/#'], watch: READ_ALL });
    const verdict = await trial.finish();
    const connections = bin.lines.filter(({ msg }) => msg === 'connected to the broker').length;
    if (connections > 3) verdict.problems.push(`the bin connected ${connections} times`);
    return verdict;
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
  'mosquitto-packet-limit': packetLimit,
  'mosquitto-acl': deniedTopic,
};
