import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { connectAsync, type MqttClient } from 'mqtt';
import { type BinEvent, eventSchema } from '../../device/cycle/event.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';

const CONFIG = `
trigger: { driver: command }
gate: { moveMs: 20 }
mqtt:
  embedded: { port: 0 }
  commands: [status, trigger, hold, resume, emptied]
`;

interface Response {
  readonly transaction: string | null;
  readonly ok: boolean;
  readonly value?: unknown;
  readonly fault?: { readonly code: string; readonly message: string };
}

/** A client of the broker of a running bin. */
class Client {
  readonly events: BinEvent[] = [];
  readonly #responses: { readonly command: string; readonly response: Response }[] = [];

  private constructor(private readonly client: MqttClient) {
    client.on('message', (topic, payload) => {
      const [, , kind, command = ''] = topic.split('/');
      const message = JSON.parse(payload.toString());
      if (kind === 'event') this.events.push(eventSchema.parse(message));
      else this.#responses.push({ command, response: message });
    });
  }

  static async connect(bin: Sortbin): Promise<Client> {
    const { url } = await bin.waitForLog(/^broker selected$/);
    await bin.waitForLog(/^connected to the broker$/);
    const client = await connectAsync(String(url), { protocolVersion: 4, reconnectPeriod: 0 });
    const connected = new Client(client);
    await client.subscribeAsync(['sortbin/bin/event', 'sortbin/bin/response/+'], { qos: 1 });
    return connected;
  }

  async send(command: string, keys: object = {}): Promise<Response> {
    const transaction = randomUUID();
    const find = () => this.#responses.find((one) => one.response.transaction === transaction)?.response;
    await this.client.publishAsync(
      `sortbin/bin/request/${command}`,
      JSON.stringify({ transaction, ...keys }),
      {
        qos: 1,
      },
    );
    await until(`a response to ${command}`, () => find() !== undefined);
    return find() as Response;
  }

  async sendRaw(command: string, payload: string | Buffer): Promise<Response> {
    const before = this.#responses.length;
    await this.client.publishAsync(`sortbin/bin/request/${command}`, payload, { qos: 1 });
    await until(`a response to ${command}`, () => this.#responses.length > before);
    return this.#responses[before]?.response as Response;
  }

  /** Sends triggers until the bin has started. */
  async untilTaken(): Promise<Response> {
    for (let tries = 0; tries < 15; tries += 1) {
      const response = await this.send('trigger');
      if (response.ok) return response;
      await wait(300);
    }
    throw new Error('the bin does not start');
  }

  get outcomes(): string[] {
    return this.events.map(({ outcome, decision }) => `${outcome} ${decision?.reason}`);
  }

  async end(): Promise<void> {
    await this.client.endAsync(true);
  }
}

describe('commands over MQTT', () => {
  it('are executed and answered, and hold survives a kill', () =>
    inFolder(CONFIG, async (folder) => {
      const first = new Sortbin(['run'], folder);
      const client = await Client.connect(first);
      assert.equal((await client.send('trigger')).value, 'taken');
      await until('the item is sorted', () => client.events.length === 1, 20_000);
      assert.equal((await client.send('hold')).value, 'held');
      assert.equal((await client.send('trigger')).value, 'ignored: held');
      first.kill('SIGKILL');
      await first.ended();
      await client.end();

      const second = new Sortbin(['run'], folder);
      const again = await Client.connect(second);
      const status = await again.send('status');
      assert.equal((status.value as { state: { held: boolean } }).state.held, true);
      assert.equal((await again.untilTaken()).value, 'ignored: held');
      assert.equal((await again.send('resume')).value, 'resumed');
      await until('the held trigger has its event', () => again.outcomes.includes('ignored held'));
      await until('the bin is idle', () => again.outcomes.length > 0);
      let answer = await again.untilTaken();
      for (let tries = 0; answer.value !== 'taken' && tries < 50; tries += 1)
        answer = await again.send('trigger');
      assert.equal(answer.value, 'taken');
      second.kill('SIGTERM');
      assert.equal(await second.ended(), 0);
      await again.end();
    }));

  it('are refused if the configuration does not allow them, or the payload is hostile, and the bin goes on', () =>
    inFolder(CONFIG, async (folder) => {
      const bin = new Sortbin(['run'], folder);
      const client = await Client.connect(bin);
      for (const [command, payload] of [
        ['dispute', '{}'],
        ['model.trust', '{}'],
        ['unknown', '{}'],
        ['emptied', '{ "compartment": "none" }'],
        ['emptied', '{ "compartment": "paper", "__proto__": { "isAdmin": true } }'],
        ['emptied', Buffer.of(0xff, 0x00)],
        ['emptied', '['.repeat(10_000)],
      ] as const) {
        const response = await client.sendRaw(command, payload);
        assert.equal(response.ok, false, command);
        assert.match(response.fault?.code ?? '', /^control-(refused|unfit)$/);
      }
      assert.equal((await client.send('status')).ok, true);
      assert.deepEqual(client.events, []);
      bin.kill('SIGTERM');
      assert.equal(await bin.ended(), 0);
      await client.end();
    }));
});
