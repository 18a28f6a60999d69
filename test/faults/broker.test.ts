import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { AedesBroker } from '../support/network/aedes-broker.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';

/** The triggers are 1 s apart: on a busy machine, closer ones would become one event. */
const config = (url: string, script: string) =>
  `vision: { driver: simulated, script: [{ label: paper }] }
trigger: { script: ${script}, repeat: false }
gate: { moveMs: 5 }
mqtt: { url: "${url}", backoff: { minMs: 20, maxMs: 100 } }
`;

describe('a broker that is unreachable', () => {
  it('for a whole run loses no event: the next run sends them, in order', async () => {
    const broker = await new AedesBroker().start();
    const { url } = broker;
    await broker.stop();
    const triggers = Array.from({ length: 6 }, () => '{ afterMs: 1000 }').join(', ');
    await inFolder(config(url, `[${triggers}]`), async (folder) => {
      const offline = new Sortbin(['run'], folder);
      await offline.waitForLog(({ item }) => (item as { seq?: number } | undefined)?.seq === 6);
      offline.kill('SIGTERM');
      assert.equal(await offline.ended(), 0);
      assert.equal(offline.lines.filter(({ level }) => level >= 50).length, 0, 'no error, only warnings');

      await writeFile(join(folder, 'sortbin.yaml'), config(url, '[]'));
      const next = new Sortbin(['run'], folder);
      await next.waitForLog(/^broker selected$/);
      await broker.start();
      await until('all six events', () => broker.eventSeqs().length >= 6);
      next.kill('SIGTERM');
      assert.equal(await next.ended(), 0);
      assert.deepEqual(broker.eventSeqs(), [1, 2, 3, 4, 5, 6]);
      assert.deepEqual(broker.payloads('availability'), ['online', 'offline']);
    });
    await broker.stop();
  });

  it('for longer than the outbox can store loses the oldest events, which are counted and published', async () => {
    const broker = await new AedesBroker().start();
    const { url } = broker;
    await broker.stop();
    const triggers = Array.from({ length: 5 }, () => '{ afterMs: 1000 }').join(', ');
    const limited = `${config(url, `[${triggers}]`)}journal: { maxOutbox: 2 }\n`;
    await inFolder(limited, async (folder) => {
      const bin = new Sortbin(['run'], folder);
      await bin.waitForLog(({ item }) => (item as { seq: number } | undefined)?.seq === 5);
      await broker.start();
      await until('the two newest events', () => broker.eventSeqs().length >= 2);
      await until('the state', () =>
        broker.payloads('state').some((json) => JSON.parse(json).counters.dropped === 3),
      );
      bin.kill('SIGTERM');
      await bin.ended();
      assert.deepEqual(broker.eventSeqs(), [4, 5]);
    });
    await broker.stop();
  });
});
