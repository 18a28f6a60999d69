import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { SystemClock } from '../../device/kit/clock.js';
import { CONTROL_SOCKET } from '../../device/network/commands/commands.js';
import { sendCommand } from '../../device/network/commands/send-command.js';
import { AedesBroker } from '../support/network/aedes-broker.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';

const KILLS = 20;

interface Event {
  id: string;
  seq: number;
  outcome: string;
  count?: number;
}

const config = (url: string, script: string) =>
  `vision: { driver: simulated, script: [{ label: paper }] }
trigger: { script: ${script} }
gate: { moveMs: 15 }
camera: { delayMs: 5 }
mqtt: { url: "${url}", backoff: { minMs: 20, maxMs: 100 } }
log: { level: debug }
`;

const received = (broker: AedesBroker): Event[] => broker.payloads('event').map((json) => JSON.parse(json));

describe('a daemon that is killed', () => {
  it(`${KILLS} times during its work gives each trigger one outcome and loses no event`, async (t) => {
    const broker = await new AedesBroker().start();
    // Also if the test fails: a running broker would block the test runner, and hide the failure.
    t.after(() => broker.stop());
    const recorded = new Set<string>();
    await inFolder(config(broker.url, '[{ afterMs: 5 }]'), async (folder) => {
      for (let kill = 0; kill < KILLS; kill++) {
        const bin = new Sortbin(['run'], folder);
        await bin.waitForLog(/^cycle: capturing/);
        // The kill must hit any point of a cycle, which takes about 30 ms.
        await wait(Math.random() * 60);
        bin.kill('SIGKILL');
        assert.equal(await bin.ended(), 'SIGKILL');
        for (const { msg, id } of bin.lines) if (msg === 'recorded') recorded.add(String(id));
      }
      await writeFile(join(folder, 'sortbin.yaml'), config(broker.url, '[]'));
      const last = new Sortbin(['run'], folder);
      // Before that, SIGTERM ends the program at once, without a stop.
      await last.waitForLog(/^cycle: idle/);
      const missing = () => {
        const sent = new Set(received(broker).map(({ id }) => id));
        return [...recorded].filter((id) => !sent.has(id));
      };
      await until(
        () =>
          `the broker has received every recorded trigger. Missing: ${missing()}. Output of the last run:\n${last.text}`,
        () => missing().length === 0,
        30_000,
      );
      // The broker may have received the last events of the killed runs only now, before this run handles a SIGTERM.
      await last.waitForLog(/^connected to the broker/);
      last.kill('SIGTERM');
      assert.equal(await last.ended(), 0);
    });

    const events = received(broker);
    const distinct = new Set(events.map(({ id, seq, outcome }) => `${id} ${seq} ${outcome}`));
    const ids = new Set(events.map(({ id }) => id));
    assert.equal(distinct.size, ids.size, 'an item has two outcomes');
    const seqs = [...new Set(events.map(({ seq }) => seq))].sort((a, b) => a - b);
    assert.deepEqual(
      seqs,
      Array.from({ length: ids.size }, (_, index) => index + 1),
      'a sequence number is missing or duplicate',
    );
    const outcomes = events.map(({ outcome }) => outcome);
    assert.ok(outcomes.includes('interrupted') && outcomes.includes('sorted'));
  });

  it('during a burst loses no trigger that it has answered', async () => {
    const broker = await new AedesBroker().start();
    const config = (driver: string) => `vision: { driver: simulated, script: [{ label: paper }] }
trigger: { driver: ${driver} }
gate: { moveMs: 60000 }
cycle: { moveMs: 100000 }
mqtt: { url: "${broker.url}", backoff: { minMs: 20, maxMs: 100 } }
log: { level: debug }
`;
    await inFolder(config('command'), async (folder) => {
      const bin = new Sortbin(['run'], folder);
      await bin.waitForCommands();
      const path = join(folder, 'data', CONTROL_SOCKET);
      const trigger = () => sendCommand(path, { command: 'trigger' }, new SystemClock());
      assert.deepEqual(await trigger(), { ok: true, value: 'taken' });
      await bin.waitForLog(/^cycle: moving/);
      for (let extra = 0; extra < 7; extra++)
        assert.deepEqual(await trigger(), { ok: true, value: 'ignored: busy' });
      bin.kill('SIGKILL');
      assert.equal(await bin.ended(), 'SIGKILL');

      const next = new Sortbin(['run'], folder);
      await until('both events', () => received(broker).length >= 2, 30_000);
      assert.deepEqual(
        received(broker).map(({ outcome, count }) => [outcome, count]),
        [
          ['interrupted', undefined],
          ['ignored', 7],
        ],
      );
      next.kill('SIGTERM');
      assert.equal(await next.ended(), 0);
    });
    await broker.stop();
  });
});
