import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { done } from '../../../device/kit/errors.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { MqttCommands, REQUEST_BYTES } from '../../../device/network/commands/mqtt-commands.js';
import type { CommandRegistry } from '../../../device/network/commands/registry.js';
import {
  encodePayload,
  type IncomingMessage,
  type MessageHandler,
  type Publisher,
  type PublishOptions,
} from '../../../device/network/mqtt/mqtt.js';
import type { Topic } from '../../../device/network/mqtt/topic.js';

interface Sent {
  readonly topic: Topic;
  readonly answer: {
    readonly ok: boolean;
    readonly transaction: string | null;
    readonly fault?: { message: string };
  };
  readonly options: PublishOptions | undefined;
}

/** An adapter with a broker and a registry in memory. `answer`: what the registry answers. */
const setup = async (answer: Awaited<ReturnType<CommandRegistry['execute']>> = done('executed')) => {
  const clock = new SimulatedClock();
  const executed: unknown[] = [];
  const sent: Sent[] = [];
  let handler: MessageHandler = () => {};
  const publisher: Pick<Publisher, 'subscribe' | 'publish'> = {
    subscribe: (_, given) => {
      handler = given;
      return () => {};
    },
    publish: async (topic, payload, options) => {
      sent.push({ topic, answer: JSON.parse(encodePayload(payload).toString()), options });
      return done(undefined);
    },
  };
  const commands: Pick<CommandRegistry, 'execute'> = {
    execute: async (request, source) => {
      assert.equal(source, 'mqtt');
      executed.push(request);
      return answer;
    },
  };
  const log = pino({ level: 'silent' });
  await new MqttCommands({ commands, publisher, prefix: 'waste', bin: 'kitchen', clock, log }).start();
  const send = async (payload: string | Uint8Array, message: Partial<IncomingMessage> = {}) => {
    await handler({
      topic: 'request/emptied',
      payload: Buffer.from(payload),
      retained: false,
      duplicate: false,
      responseTopic: null,
      correlationData: null,
      expirySeconds: null,
      ...message,
    });
    return sent.at(-1);
  };
  return { clock, executed, sent, send };
};

describe('a request over MQTT', () => {
  it('is executed, and answered on the topic of its command with its transaction', async () => {
    const { executed, send } = await setup();
    const sent = await send('{ "compartment": "paper", "transaction": "t1", "command": "trigger" }');
    assert.deepEqual(executed, [{ command: 'emptied', compartment: 'paper', transaction: 't1' }]);
    const answer = { schema: 1, transaction: 't1', ok: true, value: 'executed' };
    assert.deepEqual(sent, { topic: 'response/emptied', answer, options: {} });
  });

  it('needs no payload', async () => {
    const { executed, send } = await setup();
    assert.equal((await send('', { topic: 'request/status' }))?.answer.ok, true);
    assert.deepEqual(executed, [{ command: 'status' }]);
  });

  it('is answered on the response topic of MQTT 5 with its correlation data', async () => {
    const { send } = await setup();
    const correlationData = Buffer.of(1, 2);
    for (const responseTopic of ['app/answers/1', 'waste/kitchen/response/mine']) {
      const sent = await send('{}', { responseTopic, correlationData });
      assert.deepEqual([sent?.topic, sent?.options], [{ absolute: responseTopic }, { correlationData }]);
    }
  });

  it('cannot make its answer a message of a bin, or a request to one', async () => {
    const { send } = await setup();
    for (const responseTopic of [
      'waste/kitchen/state',
      'waste/kitchen/request/resume',
      'waste/garage/request/resume',
      'waste/garage/response/hold',
      '$SYS/x',
      'a/+',
      '',
      'a\u0000b',
      'a'.repeat(501),
    ])
      assert.equal((await send('{}', { responseTopic }))?.topic, 'response/emptied', responseTopic);
  });

  it('of a command whose name cannot be part of a topic gets no answer, except on a response topic', async () => {
    const { sent, send } = await setup();
    for (const command of ['', 'a b', 'x'.repeat(501)]) await send('{}', { topic: `request/${command}` });
    assert.equal(sent.length, 0);
    await send('{}', { topic: 'request/a b', responseTopic: 'app/1' });
    assert.deepEqual(sent[0]?.topic, { absolute: 'app/1' });
  });

  it('gets the reason of its refusal: its transaction, its time or its format', async () => {
    const { clock, send } = await setup();
    const why = async (payload: string) => (await send(payload))?.answer.fault?.message;
    for (const transaction of ['1', '""', '"a b"', `"${'x'.repeat(65)}"`])
      assert.match(
        (await why(`{ "transaction": ${transaction} }`)) ?? '',
        /^request: transaction: .*1 to 64/,
      );
    assert.match((await why('{ "expires": "2030-01-01T00:00:00" }')) ?? '', /^request: expires: .*time zone/);
    assert.match((await why('[]')) ?? '', /^request: not a JSON object/);
    assert.match((await why('{ "expires": "2020-01-01T00:00:00Z" }')) ?? '', /expired/);
    Object.assign(clock, { synchronised: () => false });
    assert.match((await why('{ "expires": "2030-01-01T00:00:00Z" }')) ?? '', /clock/);
  });

  it('is refused if it is retained, expired, or sent again without a transaction', async () => {
    const { executed, send } = await setup();
    for (const [text, message] of [
      ['{}', { retained: true }],
      ['{}', { expirySeconds: 0 }],
      ['{ "expires": "2026-01-01T00:00:00Z" }', {}],
      ['{}', { duplicate: true }],
    ] as const) {
      const sent = await send(text, message);
      assert.equal(sent?.answer.ok, false, text);
    }
    assert.deepEqual(executed, []);
    await send('{ "expires": "2027-01-01T00:00:00+01:00" }', { expirySeconds: 5 });
    await send('{ "transaction": "t1" }', { duplicate: true });
    assert.equal(executed.length, 2);
  });

  it('with a hostile payload is refused with its reason, and nothing is executed', async () => {
    const { executed, send } = await setup();
    for (const payload of [
      'x'.repeat(REQUEST_BYTES + 1),
      '['.repeat(REQUEST_BYTES),
      '{ "a": '.repeat(2_000),
      Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d),
      '[]',
      'null',
      '"hold"',
      '{',
      '{ "transaction": 1 }',
      '{ "expires": "soon" }',
      '{ "__proto__": { "polluted": true } }',
      '{ "a": [{ "__proto__": null }] }',
    ]) {
      const sent = await send(payload);
      assert.equal(sent?.answer.ok, false);
      assert.match(sent?.answer.fault?.message ?? '', /^request: .*\.$/);
    }
    assert.deepEqual(executed, []);
  });

  it('is refused if too many come, and the answers to refused ones are limited too', async () => {
    const { clock, executed, sent, send } = await setup();
    for (let count = 0; count < 1_000; count += 1) await send('{}');
    assert.equal(executed.length, 20);
    assert.equal(sent.length, 40);
    await clock.advance(1_000);
    await send('{}');
    assert.equal(executed.length, 21);
  });

  it('with an answer that is too large for a message gets a fault', async () => {
    const { send } = await setup(done('x'.repeat(300_000)));
    assert.equal((await send('{}'))?.answer.ok, false);
  });
});
