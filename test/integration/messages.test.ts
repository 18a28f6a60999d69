import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { faultMessageSchema } from '../../device/status/fault-message.js';
import { stateMessageSchema } from '../../device/status/state-message.js';
import { AedesBroker } from '../support/network/aedes-broker.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';

const config = (url: string, more = '', script = '') =>
  `trigger: { script: [${script}], repeat: false }
vision: { driver: simulated, script: [{ label: paper }] }
gate: { moveMs: 300 }
mqtt: { url: "${url}", backoff: { minMs: 20, maxMs: 100 } }
${more}`;

/** The root does not exist, so the part `updates` has a fault. */
const FAULTY = "update: { url: 'https://models.invalid/repository', root: root.json }\n";
const CODE = 'update-untrusted';

const withBroker = async (use: (broker: AedesBroker) => Promise<void>) => {
  const broker = await new AedesBroker().start();
  try {
    await use(broker);
  } finally {
    await broker.stop();
  }
};

/** The newest retained payload of each topic. An empty one removes it. */
const retained = (broker: AedesBroker): Map<string, string> => {
  const messages = new Map<string, string>();
  for (const { topic, payload, retain } of broker.arrivals) {
    if (!retain) continue;
    if (payload.length === 0) messages.delete(topic);
    else messages.set(topic, payload.toString());
  }
  return messages;
};

describe('the messages of a bin', () => {
  it('state: a few messages for an item, and always the last change', () =>
    withBroker(async (broker) => {
      const items = '{ afterMs: 3000 }, { afterMs: 3000 }, { afterMs: 3000 }';
      await inFolder(config(broker.url, '', items), async (folder) => {
        const bin = new Sortbin(['run'], folder);
        const states = () =>
          broker.payloads('state').map((json) => stateMessageSchema.parse(JSON.parse(json)));
        await until('three items', () => states().at(-1)?.counters.outcomes.sorted === 3, 30_000);
        await until('ready', () => states().at(-1)?.mode === 'ready');
        bin.kill('SIGTERM');
        assert.equal(await bin.ended(), 0);
        const modes = states().map(({ mode }) => mode);
        assert.equal(modes.at(-1), 'stopped');
        const [first = 0, third = 0] = ['"seq":1,', '"seq":3,'].map((seq) =>
          broker.payloads('state').findIndex((json) => json.includes(`"lastItem":{`) && json.includes(seq)),
        );
        // Two for an item. On a busy machine, a third one if the end of an item takes long.
        const between = modes.slice(first + 1, third + 1);
        assert.ok(between.length >= 2 && between.length <= 6, between.join());
        assert.deepEqual(new Set(between), new Set(['busy', 'ready']));
      });
    }));

  it('fault: as it was after a kill with the fault, and cleared after a restart without it', () =>
    withBroker(async (broker) => {
      await inFolder(config(broker.url, FAULTY), async (folder) => {
        const faults = () =>
          broker.payloads(CODE).map((json) => {
            const { state, since } = faultMessageSchema.parse(JSON.parse(json));
            return `${state} ${since}`;
          });
        for (let kills = 0; kills < 2; kills += 1) {
          const before = broker.payloads('state').length;
          const killed = new Sortbin(['run'], folder);
          const isReady = () =>
            broker
              .payloads('state')
              .slice(before)
              .some((json) => json.includes('"ready"'));
          await until('ready', isReady, 20_000);
          await until('the fault', () => faults().length > kills);
          killed.kill('SIGKILL');
          await killed.ended();
        }
        const [raised = ''] = faults();
        assert.match(raised, /^raised/);
        assert.deepEqual(new Set(faults()), new Set([raised]));

        await writeFile(join(folder, 'sortbin.yaml'), config(broker.url));
        const last = new Sortbin(['run'], folder);
        await until('cleared', () => faults().at(-1)?.startsWith('cleared') === true);
        last.kill('SIGTERM');
        assert.equal(await last.ended(), 0);
        assert.deepEqual(new Set(faults().slice(0, -1)), new Set([raised]));
      });
    }));

  it('leave nothing behind under an earlier bin.id', () =>
    withBroker(async (broker) => {
      const named = (id: string) => config(broker.url, `${FAULTY}bin: { id: ${id} }\n`);
      await inFolder(named('kitchen'), async (folder) => {
        const topics = (id: string) =>
          [...retained(broker).keys()].filter((topic) => topic.startsWith(`sortbin/${id}/`));
        const hasFault = (id: string) => () => topics(id).some((topic) => topic.includes('/fault/'));
        const first = new Sortbin(['run'], folder);
        await until('a fault', hasFault('kitchen'));
        first.kill('SIGTERM');
        assert.equal(await first.ended(), 0);
        assert.ok(topics('kitchen').length >= 4, topics('kitchen').join());

        await writeFile(join(folder, 'sortbin.yaml'), named('cellar'));
        const second = new Sortbin(['run'], folder);
        await until('the new topics', hasFault('cellar'));
        await until('nothing of the old id', () => topics('kitchen').length === 0);
        second.kill('SIGTERM');
        assert.equal(await second.ended(), 0);
      });
    }));
});
