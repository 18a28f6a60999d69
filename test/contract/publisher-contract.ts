import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { Fault } from '../../device/kit/errors.js';
import type { IncomingMessage, Publisher } from '../../device/network/mqtt/mqtt.js';
import { TopicError } from '../../device/network/mqtt/topic.js';
import type { MemoryOutbox } from '../support/network/memory-outbox.js';
import { until } from '../support/until.js';

/** A publisher of the bin `sortbin/kitchen`, with its outbox and its broker. Its deadlines are short enough for a test to wait for. */
export interface PublisherWorld {
  readonly publisher: Publisher;
  readonly outbox: MemoryOutbox;
  /** The numbers of the events that reached the broker, in order, including repetitions. */
  eventSeqs(): number[];
  /** The retained payload of a full topic that a late subscriber would receive. */
  retained(topic: string): string | undefined;
  /** The payloads that reached the broker on a full topic and are not retained, in order. */
  published(topic: string): string[];
  /** Publishes a message as another client of the broker. */
  deliver(topic: string, payload: string, retained?: boolean): void;
  /** Stops the broker. */
  stopBroker(): Promise<void>;
  /** Starts the broker again, on the same port. */
  startBroker(): Promise<void>;
  /** Makes the broker receive the next `count` events without acknowledging them. */
  swallowAcknowledgements(count: number): void;
  close(): Promise<void>;
}

const inOrderOfFirstArrival = (seqs: readonly number[]) => [...new Set(seqs)];

export const publisherContract = (name: string, make: (brokerDown: boolean) => Promise<PublisherWorld>) => {
  describe(`publisher contract: ${name}`, () => {
    const worlds: PublisherWorld[] = [];
    const open = async (brokerDown = false) => {
      const world = await make(brokerDown);
      worlds.push(world);
      return world;
    };
    afterEach(async () => {
      for (const world of worlds.splice(0)) await world.close();
    });
    const online = (world: PublisherWorld) => until('connected', () => world.publisher.status().connected);

    test('sends events in order, and removes them from the outbox', async () => {
      const world = await open();
      const seqs = world.outbox.add(50);
      world.publisher.start();
      await world.outbox.empty();
      const more = world.outbox.add(3);
      world.publisher.notify();
      await world.outbox.empty();
      assert.deepEqual(world.eventSeqs(), [...seqs, ...more]);
    });

    test('publishes nothing before the start', async () => {
      const world = await open();
      world.outbox.add();
      world.publisher.notify();
      world.publisher.retain('state', { cycle: 'idle' });
      assert.deepEqual(world.publisher.status(), { connected: false, lastError: null, connections: 0 });
      assert.equal(world.outbox.reads, 0);
      world.publisher.start();
      await world.outbox.empty();
    });

    test('keeps an event in the outbox and sends it again until it is acknowledged', async () => {
      const world = await open();
      world.swallowAcknowledgements(2);
      const seqs = world.outbox.add(3);
      world.publisher.start();
      await until('the first has arrived', () => world.eventSeqs().length > 0);
      assert.ok(world.outbox.seqs.includes(1));
      await world.outbox.empty();
      assert.deepEqual(inOrderOfFirstArrival(world.eventSeqs()), seqs);
      assert.equal(world.eventSeqs().filter((seq) => seq === 1).length, 2);
    });

    test('keeps everything while the broker is down, and sends it when the broker starts', async () => {
      const world = await open(true);
      const seqs = world.outbox.add(40);
      world.publisher.start();
      world.publisher.notify();
      world.publisher.retain('info', { version: '1' });
      world.publisher.retain('state', { cycle: 'idle' });
      await until('an error is reported', () => world.publisher.status().lastError !== null);
      assert.equal(world.publisher.status().connected, false);
      assert.deepEqual(world.outbox.seqs, seqs);
      await world.startBroker();
      await world.outbox.empty();
      assert.deepEqual(inOrderOfFirstArrival(world.eventSeqs()), seqs);
      assert.deepEqual(world.publisher.status(), { connected: true, lastError: null, connections: 1 });
      assert.equal(world.retained('sortbin/kitchen/availability'), 'online');
      assert.equal(world.retained('sortbin/kitchen/info'), '{"version":"1"}');
    });

    test('loses no event when the broker restarts', async () => {
      const world = await open();
      const seqs = world.outbox.add(30);
      world.publisher.start();
      await until('some have arrived', () => world.eventSeqs().length >= 5);
      await world.stopBroker();
      await until('the loss is detected', () => !world.publisher.status().connected);
      seqs.push(...world.outbox.add(30));
      world.publisher.notify();
      await world.startBroker();
      await world.outbox.empty();
      assert.deepEqual(inOrderOfFirstArrival(world.eventSeqs()), seqs);
    });

    test('sends the newest of several states, also on the next connection', async () => {
      const world = await open();
      world.publisher.retain('info', { version: '1' });
      world.publisher.retain('state', { fill: 1 });
      world.publisher.start();
      await until('the first state', () => world.retained('sortbin/kitchen/state') === '{"fill":1}');
      for (const fill of [2, 3, 4]) world.publisher.retain('state', { fill });
      await until('the newest state', () => world.retained('sortbin/kitchen/state') === '{"fill":4}');
      await world.stopBroker();
      await until('the loss is detected', () => !world.publisher.status().connected);
      for (const fill of [5, 6]) world.publisher.retain('state', { fill });
      world.publisher.retain('info', { version: '2' });
      await world.startBroker();
      await until('the newest state', () => world.retained('sortbin/kitchen/state') === '{"fill":6}');
      assert.equal(world.retained('sortbin/kitchen/info'), '{"version":"2"}');
      assert.equal(world.retained('sortbin/kitchen/availability'), 'online');
    });

    test('publishes an object as it was at the call', async () => {
      const world = await open();
      const state = { fill: 1 };
      world.publisher.retain('state', state);
      state.fill = 2;
      world.publisher.start();
      await online(world);
      await until('a state', () => world.retained('sortbin/kitchen/state') !== undefined);
      assert.equal(world.retained('sortbin/kitchen/state'), '{"fill":1}');
    });

    test('removes a retained message, and sends a later one on the same topic', async () => {
      const world = await open();
      const topic = 'homeassistant/device/kitchen/config';
      const absolute = { absolute: topic };
      world.publisher.retain(absolute, { name: 'kitchen' });
      world.publisher.retain('update', 'text');
      world.publisher.start();
      await until('both messages', () => world.retained('sortbin/kitchen/update') === 'text');
      assert.equal(world.retained(topic), '{"name":"kitchen"}');
      world.publisher.retain(absolute, null);
      world.publisher.retain('update', '');
      await until('the messages are removed', () => !world.retained('sortbin/kitchen/update'));
      assert.equal(world.retained(topic), undefined);
      world.publisher.retain(absolute, 'again');
      await until('a later message', () => world.retained(topic) === 'again');
    });

    test('publishes single messages while connected, and drops them otherwise', async () => {
      const world = await open();
      const topic = 'sortbin/kitchen/image';
      const publish = async (payload: string) => {
        const answer = await world.publisher.publish('image', payload);
        return answer.ok || answer.fault.code;
      };
      assert.equal(await publish('before the start'), 'not-connected');
      world.publisher.start();
      await online(world);
      assert.equal(await publish('first'), true);
      const bytes = await world.publisher.publish({ absolute: 'other/topic' }, new Uint8Array([65, 66]));
      assert.ok(bytes.ok);
      await world.stopBroker();
      await until('the loss is detected', () => !world.publisher.status().connected);
      assert.equal(await publish('lost'), 'not-connected');
      await world.startBroker();
      await online(world);
      assert.equal(await publish('second'), true);
      assert.deepEqual(world.published(topic), ['first', 'second']);
      assert.deepEqual(world.published('other/topic'), ['AB']);
      await world.publisher.close();
      assert.equal(await publish('after the end'), 'not-connected');
    });

    test('passes messages to the handlers of matching filters, also after a restart of the broker', async () => {
      const world = await open();
      const received: string[] = [];
      const record = (name: string) => (message: IncomingMessage) =>
        void received.push(`${name} ${message.topic} ${Buffer.from(message.payload)} ${message.retained}`);
      const endRequests = world.publisher.subscribe('request/+', record('requests'));
      world.publisher.start();
      await online(world);
      world.publisher.subscribe({ absolute: 'homeassistant/status' }, record('home'));
      const deliverUntil = (topic: string, payload: string, retained: boolean, line: string) =>
        until(line, () => {
          if (!received.includes(line)) world.deliver(topic, payload, retained);
          return received.includes(line);
        });
      await deliverUntil('homeassistant/status', 'online', true, 'home homeassistant/status online true');
      await deliverUntil('sortbin/kitchen/request/status', '{}', false, 'requests request/status {} false');
      await world.stopBroker();
      await until('the loss is detected', () => !world.publisher.status().connected);
      await world.startBroker();
      await deliverUntil('sortbin/kitchen/request/hold', '1', false, 'requests request/hold 1 false');
      endRequests();
      endRequests();
      received.length = 0;
      world.deliver('sortbin/kitchen/request/hold', '2');
      world.deliver('sortbin/other/request/hold', '3');
      await deliverUntil('homeassistant/status', 'offline', false, 'home homeassistant/status offline false');
      assert.deepEqual(
        received.filter((line) => line.startsWith('requests')),
        [],
      );
    });

    test('continues after a message handler that throws or rejects', async () => {
      const world = await open();
      const received: string[] = [];
      world.publisher.subscribe('request/#', () => {
        throw new Error('a broken handler');
      });
      world.publisher.subscribe('request/#', async () => {
        throw new Error('a broken asynchronous handler');
      });
      world.publisher.subscribe('request/#', ({ topic }) => void received.push(topic));
      world.publisher.start();
      await online(world);
      for (const name of ['a', 'b']) world.deliver(`sortbin/kitchen/request/${name}`, '{}');
      await until('both messages', () => received.length === 2);
      assert.deepEqual(received, ['request/a', 'request/b']);
      world.outbox.add();
      world.publisher.notify();
      await world.outbox.empty();
      assert.equal(world.publisher.status().connected, true);
    });

    test('refuses topics that are not allowed or reserved', async () => {
      const { publisher } = await open();
      const throwsCode = (act: () => unknown, code: string) =>
        assert.throws(act, (error: unknown) => error instanceof TopicError && error.code === code);
      throwsCode(() => publisher.retain('a/+', '1'), 'topic-invalid');
      throwsCode(() => publisher.retain('event', '1'), 'topic-reserved');
      throwsCode(() => publisher.retain({ absolute: 'sortbin/kitchen/availability' }, '1'), 'topic-reserved');
      throwsCode(() => publisher.subscribe('a/#/b', () => {}), 'topic-invalid');
      for (const [topic, code] of [
        ['#', 'topic-invalid'],
        ['event', 'topic-reserved'],
      ] as const) {
        const answer = await publisher.publish(topic, '1');
        assert.equal(answer.ok || answer.fault.code, code);
      }
    });

    test('reports a fault while there is no connection, and that it has recovered', async () => {
      const world = await open(true);
      const reports: (Fault | null)[] = [];
      world.publisher.onHealth((fault) => reports.push(fault));
      world.publisher.start();
      await until('a fault', () => reports.length > 0);
      await world.startBroker();
      await online(world);
      const [fault, ...later] = reports;
      assert.equal(fault?.code, 'broker-unreachable');
      assert.match(String(fault?.message), /broker/);
      assert.deepEqual(later, [null]);
      await world.stopBroker();
      await until('another fault', () => reports.length > 2);
      await world.startBroker();
      await until('recovered', () => reports.at(-1) === null);
      assert.equal(world.publisher.status().lastError, null);
      await world.publisher.close();
      assert.equal(reports.at(-1), null, 'a clean end is not a fault');
    });

    test('retries if the outbox fails', async () => {
      const world = await open();
      world.outbox.fail('pending', 2);
      world.outbox.fail('acknowledge', 2);
      const seqs = world.outbox.add(5);
      world.publisher.start();
      await world.outbox.empty();
      assert.deepEqual(inOrderOfFirstArrival(world.eventSeqs()), seqs);
    });

    test('publishes `offline` on close, and leaves the outbox unchanged', async () => {
      const world = await open();
      world.publisher.start();
      await online(world);
      world.swallowAcknowledgements(1);
      const seqs = world.outbox.add();
      world.publisher.notify();
      await until('the event has arrived', () => world.eventSeqs().length === 1);
      await world.publisher.close();
      assert.equal(world.retained('sortbin/kitchen/availability'), 'offline');
      assert.deepEqual(world.outbox.seqs, seqs);
      assert.equal(world.publisher.status().connected, false);
      const { reads } = world.outbox;
      world.publisher.notify();
      world.publisher.start();
      await world.publisher.close();
      assert.equal(world.outbox.reads, reads);
    });

    test('can be closed before it was started, and while the broker is down', async () => {
      await (await open()).publisher.close();
      const world = await open(true);
      const seqs = world.outbox.add();
      world.publisher.start();
      await world.publisher.close();
      assert.deepEqual(world.outbox.seqs, seqs);
    });
  });
};
