import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { AedesPublishPacket } from 'aedes';
import { connectAsync, type MqttClient } from 'mqtt';
import { COMMAND_EXAMPLES } from '../../device/daemon/reference/command-examples.js';
import { DESCRIBED_COMMANDS } from '../../device/daemon/reference/page.js';
import { entryOf, TOPICS } from '../../device/daemon/reference/topics.js';
import { COMMAND_NAMES, type CommandName } from '../../device/kit/command.js';
import { packageRoot } from '../../device/kit/root.js';
import { responseSchemaOf } from '../../device/network/commands/messages.js';
import { AedesBroker } from '../support/network/aedes-broker.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';

const REPOSITORY = join(packageRoot(), 'test/update/repository/python-tuf');
const ROOT = readFileSync(join(REPOSITORY, 'metadata/1.root.json'), 'utf8');
const BASE = 'sortbin/bin/';
/** The commands whose work continues after their answer. */
const SLOW = ['model.check', 'model.install', 'model.activate', 'model.rollback'];
/** A bin accepts two requests a second, and 20 at once. */
const PAUSE_MS = 550;

/** A bin that sorts, refuses a battery, is unsure and fails. It has a fill sensor, and a fault of its machine or none. */
const config = (broker: AedesBroker) => `
trigger: { driver: command }
vision:
  driver: simulated
  script: [{ label: paper }, { label: battery }, { label: paper, confidence: 0.3 }, { fault: vision-failed }]
gate: { moveMs: 20 }
fill: { driver: simulated, script: [{ compartment: paper, percent: 40 }, { compartment: glass, percent: 95 }] }
mqtt: { url: '${broker.url}', commands: [${COMMAND_NAMES.join(', ')}] }
update: { url: 'file://${REPOSITORY}' }
`;

const jsonOf = ({ payload }: AedesPublishPacket): unknown => {
  const text = payload.toString();
  return text.startsWith('{') ? JSON.parse(text) : text;
};

class Requests {
  #count = 0;

  constructor(
    private readonly broker: AedesBroker,
    private readonly client: MqttClient,
  ) {}

  /** Sends a request, and returns its response, which must have exactly the keys of the schema. */
  async send(name: CommandName, keys: object): Promise<{ ok: boolean; value?: unknown }> {
    await wait(PAUSE_MS);
    const transaction = `t${++this.#count}`;
    const find = () =>
      this.broker.arrivals.find(
        ({ topic, payload }) =>
          topic === `${BASE}response/${name}` && payload.includes(`"transaction":"${transaction}"`),
      );
    await this.client.publishAsync(`${BASE}request/${name}`, JSON.stringify({ transaction, ...keys }), {
      qos: 1,
    });
    await until(`a response to ${name}`, () => find() !== undefined, 20_000);
    const response = jsonOf(find() as AedesPublishPacket);
    const command = DESCRIBED_COMMANDS.find((one) => one.name === name) ?? assert.fail(name);
    const parsed = responseSchemaOf(command.result).parse(response);
    assert.deepEqual(parsed, response, name);
    return parsed;
  }

  /** Waits until the newest request that began something has ended. */
  async untilIdle(): Promise<void> {
    for (let tries = 0; tries < 40; tries += 1) {
      const { value } = await this.send('model.status', {});
      const { task, phase } = value as { task: { isRunning: boolean } | null; phase: string };
      if (!task?.isRunning && !['downloading', 'checking', 'activating'].includes(phase)) return;
    }
    assert.fail('the task does not end');
  }

  /** Sends triggers until one is taken and has its event. */
  async item(): Promise<void> {
    const before = this.broker.eventSeqs().length;
    let value: unknown;
    for (let tries = 0; value !== 'taken' && tries < 40; tries += 1)
      ({ value } = await this.send('trigger', {}));
    assert.equal(value, 'taken');
    await until('an event', () => this.broker.eventSeqs().length > before, 20_000);
  }
}

const withoutIds = (value: unknown): unknown =>
  typeof value === 'string' ? value.replace(/^[0-9a-f-]{36}:/, 'ID:') : value;

describe('the topics of a running bin', () => {
  it('are those of docs/mqtt.md, and each message fits its schema, without other keys', {
    timeout: 180_000,
  }, async () => {
    const broker = await new AedesBroker().start();
    try {
      await inFolder(config(broker), async (folder) => {
        const bin = new Sortbin(['run'], folder);
        const client = await connectAsync(broker.url, { protocolVersion: 4, reconnectPeriod: 0 });
        const requests = new Requests(broker, client);
        await bin.waitForCommands();
        await until('connected', () => broker.payloads('availability').length > 0);
        for (let items = 0; items < 4; items += 1) await requests.item();

        for (const [name, { keys, value }] of Object.entries(COMMAND_EXAMPLES)) {
          if (SLOW.includes(name)) await requests.untilIdle();
          // The text of a whole root would be too long for the page.
          const sent = name === 'model.trust' ? { root: ROOT } : keys;
          const response = await requests.send(name as CommandName, sent);
          assert.ok(response.ok, `${name}: ${JSON.stringify(response)}`);
          if (typeof value === 'string') assert.equal(withoutIds(response.value), withoutIds(value), name);
        }
        bin.kill('SIGTERM');
        assert.equal(await bin.ended(), 0);
        await client.endAsync(true);
      });
      const seen = new Set<string>();
      for (const packet of broker.arrivals) {
        assert.ok(packet.topic.startsWith(BASE), packet.topic);
        const topic = packet.topic.slice(BASE.length);
        if (topic.startsWith('request/')) continue;
        const entry = entryOf(topic) ?? assert.fail(`${topic} is not in the table`);
        assert.deepEqual([packet.retain, packet.qos], [entry.isRetained, entry.qos], topic);
        const message = jsonOf(packet);
        assert.deepEqual(entry.schema.parse(message), message, topic);
        seen.add(entry.topic);
      }
      // The first statistics would come after a minute: test/daemon/bin-messages.test.ts has them. The simulated vision
      // encodes no pictures: test/daemon/image-publisher.test.ts has them.
      const others = TOPICS.filter(({ topic }) => !seen.has(topic)).map(({ topic }) => topic);
      assert.deepEqual(others, ['stats', 'image']);
      const outcomes = broker.payloads('event').map((json) => JSON.parse(json).outcome);
      assert.deepEqual([...new Set(outcomes)].sort(), ['disputed', 'emptied', 'failed', 'refused', 'sorted']);
    } finally {
      await broker.stop();
    }
  });
});
