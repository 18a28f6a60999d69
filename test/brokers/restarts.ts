import { setTimeout as wait } from 'node:timers/promises';
import { Consumer } from '../support/brokers/consumer.js';
import { Mosquitto } from '../support/brokers/mosquitto.js';
import { makeBacklog } from '../support/journal/backlog.js';
import { randomOf } from '../support/random.js';
import { type Scenario, type Scenarios, withCleanup } from './scenario.js';

const RESTARTS = 20;
const KILLS = 50;
const EVENTS_BETWEEN = 50;
const ITEMS = 10;

/** The broker is killed and stopped in turn while the bin publishes a backlog and new items. */
const brokerRestarts: Scenario = (trial) =>
  withCleanup(async (later) => {
    // Many more events than necessary arrive between two restarts.
    const backlog = RESTARTS * EVENTS_BETWEEN * 10;
    makeBacklog(trial.dataDir, backlog);
    const broker = await Mosquitto.start(trial.folder, { isPersistent: true });
    later(() => broker.stop());
    const consumer = await Consumer.connect(broker.url);
    later(() => consumer.close());
    trial.record = consumer.record;
    trial.startBin({ url: broker.url }, RESTARTS * ITEMS);
    let underLoad = 0;
    for (let restart = 0; restart < RESTARTS; restart++) {
      if (!(await trial.untilArrived(trial.record.seqs.length + EVENTS_BETWEEN))) break;
      if (trial.record.seqs.length < backlog) underLoad += 1;
      await broker.stop(restart % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
      await broker.start();
    }
    trial.notes.push(`${underLoad} of ${RESTARTS} restarts before the end of the backlog`);
    return trial.finish();
  });

/** The bin is killed at random times while it publishes a backlog and sorts new items. */
const daemonKills: Scenario = (trial) =>
  withCleanup(async (later) => {
    makeBacklog(trial.dataDir, KILLS * EVENTS_BETWEEN * 4);
    const broker = await Mosquitto.start(trial.folder, { isPersistent: true });
    later(() => broker.stop());
    const consumer = await Consumer.connect(broker.url);
    later(() => consumer.close());
    trial.record = consumer.record;
    const random = randomOf(1);
    for (let kill = 0; kill < KILLS; kill++) {
      const bin = trial.startBin({ url: broker.url }, ITEMS);
      // In the last runs, the backlog may be empty: then there are only the items of the run.
      await trial.untilArrived(trial.record.seqs.length + ITEMS / 2);
      await wait(random() * 60);
      bin.kill('SIGKILL');
      await bin.ended();
    }
    trial.startBin({ url: broker.url });
    return trial.finish();
  });

export const restartScenarios: Scenarios = {
  'broker-restarts': brokerRestarts,
  'daemon-kills': daemonKills,
};
