import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { connectAsync } from 'mqtt';
import { eventSchema } from '../../device/cycle/event.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';

const BUSY =
  'trigger: { script: [{ afterMs: 400 }] }\ngate: { moveMs: 20 }\nmqtt: { embedded: { port: 0 } }\n';

/** What a command to the bin of a folder says. */
const told = async (folder: string, ...args: string[]) => {
  const command = new Sortbin(args, folder);
  const code = await command.ended();
  return code === 0 ? { code, output: command.output.join('\n') } : { code, stderr: command.stderr };
};

describe('sortbin run', () => {
  it('sorts sample pictures with the real model, tells MQTT, and stops cleanly', () =>
    inFolder(BUSY, async (folder) => {
      const bin = new Sortbin(['run'], folder);
      const { msg } = await bin.said(/^broker /);
      const url = /mqtt:\/\/\S+/.exec(msg)?.[0] ?? '';
      const heard = new Map<string, string[]>();
      const client = await connectAsync(url, { protocolVersion: 4, reconnectPeriod: 0 });
      client.on('message', (topic, payload) => {
        heard.set(topic, [...(heard.get(topic) ?? []), payload.toString()]);
      });
      await client.subscribeAsync('sortbin/bin/#', { qos: 1 });
      const events = () => heard.get('sortbin/bin/event') ?? [];
      await until('three events', () => events().length >= 3, 20_000);

      bin.kill('SIGTERM');
      assert.equal(await bin.ended(), 0);
      assert.deepEqual(
        bin.lines.filter(({ level }) => level >= 40).map(({ msg }) => msg),
        [],
        'a healthy bin warns of nothing',
      );
      await until('offline', () => heard.get('sortbin/bin/availability')?.at(-1) === 'offline').catch(
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
      assert.equal(heard.get('sortbin/bin/availability')?.[0], 'online');
      const info = JSON.parse(heard.get('sortbin/bin/info')?.[0] ?? '{}');
      assert.equal(info.model.name, 'waste12');
      assert.deepEqual(Object.keys(info.compartments).sort(), ['glass', 'packaging', 'paper', 'residual']);
      const state = JSON.parse(heard.get('sortbin/bin/state')?.at(-1) ?? '{}');
      assert.ok(state.counters.outcomes.sorted >= 1);
      assert.ok((await readdir(join(folder, 'data/frames'))).length >= 3);
    }));

  it('sorts an item and empties a compartment when it is told to', () =>
    inFolder(
      'trigger: { driver: several, sensors: { hand: { driver: command }, slow: { driver: interval, everyMs: 80000000 } } }\n' +
        'vision: { driver: simulated, script: [{ label: paper }] }\ngate: { moveMs: 20 }\nmqtt: { embedded: { port: 0 } }\n',
      async (folder) => {
        const bin = new Sortbin(['run'], folder);
        await bin.said(/^connected to the broker/);
        assert.deepEqual(await told(folder, 'trigger'), { code: 0, output: 'triggered' });
        const { item } = await bin.said(/sorted .*-> paper/);
        assert.equal((item as { trigger: { source: string } }).trigger.source, 'command');
        assert.deepEqual(await told(folder, 'emptied', 'paper'), { code: 0, output: 'paper: emptied' });
        await bin.said(/emptied .*paper/);
        const { code, stderr } = await told(folder, 'emptied', 'gold');
        assert.equal(code, 65);
        assert.match(
          stderr ?? '',
          /emptied: unknown compartment "gold"\. Use one of glass, packaging, paper, residual\./,
        );
        bin.kill('SIGTERM');
        assert.equal(await bin.ended(), 0);
        const { code: down, stderr: why } = await told(folder, 'trigger');
        assert.equal(down, 69);
        assert.match(why ?? '', /Cannot reach sortbin at /);
      },
    ));

  it('accepts the command trigger only if it is configured', () =>
    inFolder(
      'trigger: { script: [] }\nvision: { driver: simulated, script: [{ label: paper }] }\nmqtt: { embedded: { port: 0 } }\n',
      async (folder) => {
        const bin = new Sortbin(['run'], folder);
        await bin.said(/^connected to the broker/);
        const { code, stderr } = await told(folder, 'trigger');
        assert.equal(code, 65);
        assert.match(stderr ?? '', /trigger: this bin has no command trigger/);
        bin.kill('SIGTERM');
        assert.equal(await bin.ended(), 0);
      },
    ));

  it('takes another port where 1883 is taken, and says so', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    const address = squatter.address();
    const taken = typeof address === 'object' && address ? address.port : 0;
    await inFolder(
      `vision: { driver: simulated, script: [{ label: paper }] }\nmqtt: { embedded: { port: ${taken} } }\n`,
      async (folder) => {
        const bin = new Sortbin(['run'], folder);
        const { msg } = await bin.said(/is taken by another program/);
        assert.match(msg, new RegExp(`port ${taken} .* listens on \\d+`));
        await bin.said(/^connected to the broker/);
        bin.kill('SIGINT');
        assert.equal(await bin.ended(), 0);
      },
    );
    squatter.close();
  });

  it('writes down the item in hand as interrupted when it is stopped', () =>
    inFolder(
      'vision: { driver: simulated, script: [{ label: paper }] }\ntrigger: { script: [{ afterMs: 50 }], repeat: false }\n' +
        'gate: { moveMs: 60000 }\ncycle: { moveMs: 100000 }\nmqtt: { embedded: { port: 0 } }\nlog: { level: debug }\n',
      async (folder) => {
        const bin = new Sortbin(['run'], folder);
        await bin.said(/^cycle: moving/);
        bin.kill('SIGTERM');
        assert.equal(await bin.ended(), 0);
        const { item } = (await bin.said(/^#1 .*interrupted/)) as unknown as {
          item: { fault: { code: string } };
        };
        assert.equal(item.fault.code, 'stopped');
      },
    ));
});
