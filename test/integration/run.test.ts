import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { connectAsync } from 'mqtt';
import { type BinEvent, eventSchema } from '../../device/cycle/event.js';
import { stateMessageSchema } from '../../device/status/state-message.js';
import { inFolder, type LogLine, Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';

const BUSY =
  'trigger: { script: [{ afterMs: 400 }] }\ngate: { moveMs: 20 }\nmqtt: { embedded: { port: 0 } }\n';

/** Sends a command to the bin of a folder. Returns its exit code and its output, or its error. */
const send = async (folder: string, ...args: string[]) => {
  const command = new Sortbin(args, folder);
  const code = await command.ended();
  return code === 0 ? { code, output: command.output.join('\n') } : { code, stderr: command.stderr };
};

describe('sortbin run', () => {
  it('sorts sample images with the real model, publishes the events, and stops cleanly', () =>
    inFolder(BUSY, async (folder) => {
      const bin = new Sortbin(['run'], folder);
      const { url } = await bin.waitForLog(/^broker selected$/);
      const received = new Map<string, string[]>();
      const client = await connectAsync(String(url), { protocolVersion: 4, reconnectPeriod: 0 });
      client.on('message', (topic, payload) => {
        received.set(topic, [...(received.get(topic) ?? []), payload.toString()]);
      });
      await client.subscribeAsync('sortbin/bin/#', { qos: 1 });
      const events = () => received.get('sortbin/bin/event') ?? [];
      await until('three events', () => events().length >= 3, 20_000);

      bin.kill('SIGTERM');
      assert.equal(await bin.ended(), 0);
      assert.deepEqual(
        bin.lines.filter(({ level }) => level >= 40).map(({ msg }) => msg),
        [],
        'a healthy bin logs no warning',
      );
      await until('offline', () => received.get('sortbin/bin/availability')?.at(-1) === 'offline').catch(
        () => {},
      );
      await client.endAsync(true);

      const parsed = events().map((json) => eventSchema.parse(JSON.parse(json)));
      assert.deepEqual(
        parsed.map(({ seq }) => seq),
        parsed.map((_, index) => index + (parsed[0]?.seq ?? 0)),
      );
      const [first] = parsed;
      assert.equal(first?.outcome, 'sorted');
      assert.equal(first?.runtime?.backend, 'xnnpack-litert-2.3');
      assert.ok(Object.values(first?.scores ?? {}).every((score) => score > 0 && score <= 1));
      assert.equal(received.get('sortbin/bin/availability')?.[0], 'online');
      const info = JSON.parse(received.get('sortbin/bin/info')?.[0] ?? '{}');
      assert.deepEqual(first?.thresholds, info.thresholds);
      assert.deepEqual(first?.frame?.views, [1, 0.9]);
      assert.equal(info.model.name, 'waste12');
      assert.deepEqual(Object.keys(info.compartments).sort(), ['glass', 'packaging', 'paper', 'residual']);
      const state = stateMessageSchema.parse(JSON.parse(received.get('sortbin/bin/state')?.at(-1) ?? '{}'));
      assert.ok((state.counters.outcomes.sorted ?? 0) >= 1);
      assert.ok((await readdir(join(folder, 'data/frames'))).length >= 3);
    }));

  it('sorts an item and records an emptied compartment by command', () =>
    inFolder(
      'trigger: { driver: several, sensors: { hand: { driver: command }, slow: { driver: interval, everyMs: 80000000 } } }\n' +
        'vision: { driver: simulated, script: [{ label: paper }] }\ngate: { moveMs: 20 }\nmqtt: { embedded: { port: 0 } }\n',
      async (folder) => {
        const bin = new Sortbin(['run'], folder);
        await bin.waitForCommands();
        assert.deepEqual(await send(folder, 'trigger'), { code: 0, output: 'taken' });
        const { item } = (await bin.waitForLog(/^item sorted$/)) as unknown as { item: BinEvent };
        assert.deepEqual([item.trigger.source, item.decision?.compartment], ['command', 'paper']);
        assert.deepEqual(await send(folder, 'emptied', 'paper'), { code: 0, output: 'paper: emptied' });
        const { remark } = (await bin.waitForLog(/^compartment emptied$/)) as unknown as { remark: BinEvent };
        assert.deepEqual([remark.outcome, remark.compartment], ['emptied', 'paper']);
        const { code, stderr } = await send(folder, 'emptied', 'gold');
        assert.equal(code, 65);
        assert.match(
          stderr ?? '',
          /emptied: unknown compartment "gold"\. Use one of glass, packaging, paper, residual\./,
        );
        const { output } = await send(folder, 'status');
        assert.match(
          output ?? '',
          /^bin\n {2}✓ mode +ready\n {2}✓ cycle +idle\n {2}✓ last item +#1 sorted, paper 95 %, -> paper, confident,/,
        );
        assert.match(
          output ?? '',
          /\n {2}✓ faults +none\n {2}✓ broker +mqtt:\/\/127\.0\.0\.1:\d+, connected\n {2}✓ waiting +0 events\n(?: {2}✓ (?:temperature|processor|voltage|memory|disk|clock) .+\n)+ {2}✓ outcomes +sorted 1\n {2}✓ sorted into +none yet\n/,
        );
        const json = JSON.parse((await send(folder, 'status', '--json')).output ?? '');
        assert.deepEqual([json.ok, json.value.liveness, json.value.state.schema], [true, { ok: true }, 1]);
        assert.deepEqual([json.value.broker.connected, json.value.waiting], [true, 0]);
        assert.deepEqual([json.value.mode, json.value.faults], ['ready', []]);
        assert.ok(json.value.machine.disk.totalBytes > 0);
        bin.kill('SIGTERM');
        assert.equal(await bin.ended(), 0);
        const { code: down, stderr: reason } = await send(folder, 'trigger');
        assert.equal(down, 69);
        assert.match(reason ?? '', /Cannot reach sortbin at /);
      },
    ));

  it('continues its counters after a kill', () =>
    inFolder(
      'trigger: { driver: command }\nvision: { driver: simulated, script: [{ label: paper }] }\n' +
        'gate: { moveMs: 20 }\nmqtt: { embedded: { port: 0 } }\n',
      async (folder) => {
        const seen: unknown[] = [];
        for (const signal of ['SIGKILL', 'SIGKILL', 'SIGTERM'] as const) {
          const bin = new Sortbin(['run'], folder);
          await bin.waitForCommands();
          assert.deepEqual(await send(folder, 'trigger'), { code: 0, output: 'taken' });
          await bin.waitForLog(/^item sorted$/);
          const { value } = JSON.parse((await send(folder, 'status', '--json')).output ?? '');
          const { since, outcomes, compartments } = value.state.counters;
          seen.push({ since, outcomes, compartments });
          bin.kill(signal);
          await bin.ended();
        }
        const [{ since } = { since: '' }] = seen as { since: string }[];
        assert.deepEqual(
          seen,
          [1, 2, 3].map((count) => ({ since, outcomes: { sorted: count }, compartments: { paper: count } })),
        );
      },
    ));

  it('accepts the trigger command only if the configuration has a trigger for it', () =>
    inFolder(
      'trigger: { script: [] }\nvision: { driver: simulated, script: [{ label: paper }] }\nmqtt: { embedded: { port: 0 } }\n',
      async (folder) => {
        const bin = new Sortbin(['run'], folder);
        await bin.waitForCommands();
        const { code, stderr } = await send(folder, 'trigger');
        assert.equal(code, 65);
        assert.match(stderr ?? '', /trigger: this bin has no command trigger\. Configure/);
        bin.kill('SIGTERM');
        assert.equal(await bin.ended(), 0);
      },
    ));

  it('uses another port if its port is in use, and logs both', async () => {
    const otherServer = createServer().listen(0, '127.0.0.1');
    await once(otherServer, 'listening');
    const address = otherServer.address();
    const usedPort = typeof address === 'object' && address ? address.port : 0;
    await inFolder(
      `vision: { driver: simulated, script: [{ label: paper }] }\nmqtt: { embedded: { port: ${usedPort} } }\n`,
      async (folder) => {
        const bin = new Sortbin(['run'], folder);
        const { requestedPort, port } = await bin.waitForLog(/^requested port was in use/);
        assert.equal(requestedPort, usedPort);
        assert.ok(Number(port) > 0 && port !== usedPort);
        await bin.waitForLog(/^connected to the broker/);
        bin.kill('SIGINT');
        assert.equal(await bin.ended(), 0);
      },
    );
    otherServer.close();
  });

  it('records the current item as interrupted when it is stopped', () =>
    inFolder(
      'vision: { driver: simulated, script: [{ label: paper }] }\ntrigger: { script: [{ afterMs: 50 }], repeat: false }\n' +
        'gate: { moveMs: 60000 }\ncycle: { moveMs: 100000 }\nmqtt: { embedded: { port: 0 } }\nlog: { level: debug }\n',
      async (folder) => {
        const bin = new Sortbin(['run'], folder);
        await bin.waitForLog(/^cycle: moving/);
        bin.kill('SIGTERM');
        assert.equal(await bin.ended(), 0);
        const { item } = (await bin.waitForLog(/^item interrupted$/)) as unknown as { item: BinEvent };
        assert.deepEqual([item.seq, item.fault?.code], [1, 'stopped']);
      },
    ));

  const ONE_ITEM =
    'vision: { driver: simulated, script: [{ label: paper }] }\ngate: { moveMs: 5 }\n' +
    'trigger: { script: [{ afterMs: 50 }], repeat: false }\nmqtt: { embedded: { port: 0 } }\n';

  it('logs JSON lines with short messages and the data in fields', () =>
    inFolder(`${ONE_ITEM}log: { format: json }\n`, async (folder) => {
      const bin = new Sortbin(['run'], folder);
      await bin.waitForLog(/^item sorted$/);
      bin.kill('SIGTERM');
      assert.equal(await bin.ended(), 0);
      const lines: LogLine[] = bin.output.map((line) => JSON.parse(line));
      for (const { msg } of lines) assert.doesNotMatch(msg, / {2}|^ /);
      const fieldsOf = (message: string) => lines.find(({ msg }) => msg === message) ?? assert.fail(message);
      assert.equal(fieldsOf('configuration loaded').configuration, 'sortbin.yaml');
      assert.equal((fieldsOf('runtime activated').runtime as { name: string }).name, 'simulated');
      assert.match(String(fieldsOf('broker selected').url), /^mqtt:\/\/127\.0\.0\.1:\d+$/);
      assert.deepEqual(
        fieldsOf('topics assigned').topics,
        ['availability', 'info', 'update', 'state', 'fault/+', 'event', 'stats', 'image', 'response/+'].map(
          (topic) => `sortbin/bin/${topic}`,
        ),
      );
      assert.equal(fieldsOf('journal opened').path, join(folder, 'data/journal.db'));
      const { item, image } = fieldsOf('item sorted');
      assert.equal(eventSchema.parse(item).decision?.compartment, 'paper');
      assert.match(String(image), /\.jpg$/);
      assert.equal(fieldsOf('stop requested').reason, 'SIGTERM');
    }));

  it('logs one line an item in the pretty format', () =>
    inFolder(`${ONE_ITEM}log: { format: pretty }\n`, async (folder) => {
      const bin = new Sortbin(['run'], folder);
      const texts = () => bin.output.map((line) => line.replace(/^[\d:]+ /, ''));
      await until('an item', () => texts().some((text) => text.startsWith('#1 ')));
      bin.kill('SIGTERM');
      assert.equal(await bin.ended(), 0);
      const starting = (start: string) =>
        texts().find((text) => text.startsWith(start)) ?? assert.fail(start);
      assert.match(starting('sortbin'), /^sortbin {2}[\d.]+, bin "bin", configuration: sortbin\.yaml$/);
      assert.match(starting('model'), /^model {4}simulated 0\.0\.0, simulated: script, 1 thread$/);
      assert.match(starting('broker'), /^broker {3}mqtt:\/\/127\.0\.0\.1:\d+ \(embedded\)$/);
      assert.match(
        starting('topics'),
        /^topics {3}sortbin\/bin\/availability, info,.* fault\/\+, event, stats/,
      );
      assert.equal(starting('journal'), `journal  ${join(folder, 'data/journal.db')}`);
      assert.match(starting('#1'), /^#1 {5}paper 0\.\d\d -> paper {20,24}\d+ ms {2}\S+\.jpg$/);
      assert.deepEqual(texts().slice(-2), ['SIGTERM: stopping', 'stopped']);
    }));
});
