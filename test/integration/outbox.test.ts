import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { RoughBroker } from '../support/network/rough-broker.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const configuration = (port: number, more = '') => `
vision: { driver: simulated, script: [{ label: paper }] }
trigger: { script: [{ afterMs: 50 }] }
gate: { moveMs: 5 }
mqtt: { url: 'mqtt://127.0.0.1:${port}', backoff: { minMs: 10, maxMs: 50 } }
${more}`;

const startBroker = async (refuses: (seq: number) => boolean) => {
  const broker = await new RoughBroker().start();
  cleanups.push(() => broker.stop());
  broker.behaviour.puback = ({ topic, payload }) =>
    topic.endsWith('/event') && refuses(JSON.parse(String(payload)).seq) ? 0x99 : 0;
  return broker;
};

const run = async (folder: string, ...args: string[]) => {
  const command = new Sortbin(args, folder);
  return { code: await command.ended(), output: command.output.join('\n'), stderr: command.stderr };
};

describe('sortbin outbox', () => {
  it('lists, retries and drops the events that a broker refuses', async () => {
    const refused = new Set([2, 4]);
    const broker = await startBroker((seq) => refused.has(seq));
    await inFolder(configuration(broker.port), async (folder) => {
      const bin = new Sortbin(['run'], folder);
      await until('the others arrived', () => new Set(broker.eventSeqs()).size >= 5, 30_000);
      const state = () => JSON.parse(broker.payloads('state').at(-1) ?? '{"counters":{},"faults":{}}');
      await until('both are counted', () => state().counters.undeliverable === 2);
      assert.deepEqual(Object.keys(state().faults), ['event-undeliverable']);

      const listed = await run(folder, 'outbox', 'list');
      assert.equal(listed.code, 0);
      assert.match(listed.output, /^#2 {2}\S+\n {2}.*0x99.*\n#4 {2}\S+\n {2}.*0x99/);
      const json = JSON.parse((await run(folder, 'outbox', 'list', '--json')).output);
      assert.deepEqual(
        json.events.map(({ seq }: { seq: number }) => seq),
        [2, 4],
      );

      refused.clear();
      assert.match((await run(folder, 'outbox', 'retry', '2')).output, /^1 event sent again/);
      await until('one is left', () => state().counters.undeliverable === 1);
      assert.match((await run(folder, 'outbox', 'drop', '--all')).output, /^1 event dropped/);
      await until(
        'none is left',
        () => state().counters.undeliverable === 0 && Object.keys(state().faults).length === 0,
      );
      assert.equal(state().counters.dropped, 1);
      assert.equal((await run(folder, 'outbox')).stderr, 'no undeliverable events\n');

      for (const args of [['retry'], ['drop', '3', '--all'], ['retry', 'three']])
        assert.equal((await run(folder, 'outbox', ...args)).code, 64, String(args));
      for (const name of ['retry', 'drop']) {
        const { code, stderr } = await run(folder, 'outbox', name, '12', '13');
        const message = `sortbin: outbox-${name}: no undeliverable event 12, 13. See "sortbin outbox list".\n`;
        assert.deepEqual([code, stderr], [65, message]);
      }
      bin.kill('SIGTERM');
      assert.equal(await bin.ended(), 0);
      assert.equal((await run(folder, 'outbox', 'list')).code, 0, 'of a stopped bin');
      const stopped = await run(folder, 'outbox', 'retry', '--all');
      assert.equal(stopped.code, 69);
      assert.match(stopped.stderr, /^sortbin: outbox retry: the bin must run\. Cannot reach sortbin at /);
    });
  });

  it('logs in one line how many events a lower limit of the outbox drops at the start', async () => {
    const broker = await startBroker(() => false);
    await broker.stop();
    await inFolder(configuration(broker.port), async (folder) => {
      const first = new Sortbin(['run'], folder);
      const sorted = () => first.lines.filter(({ msg }) => msg === 'item sorted').length;
      await until('the items are sorted', () => sorted() >= 20, 60_000);
      first.kill('SIGTERM');
      await first.ended();
      const lower = configuration(broker.port, 'journal: { maxOutbox: 3 }');
      await writeFile(join(folder, 'sortbin.yaml'), lower);
      const second = new Sortbin(['run'], folder);
      await second.waitForCommands();
      const lines = second.lines.filter(({ part }) => part === 'outbox');
      assert.equal(lines.length, 1);
      assert.match(
        lines[0]?.msg ?? '',
        /^outbox: \d+ unsent events were dropped, because journal.maxOutbox is now 3$/,
      );
      second.kill('SIGTERM');
      await second.ended();
    });
  });
});
