import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { Publisher } from '../../device/network/mqtt/mqtt.js';
import type { MemoryOutbox } from '../support/network/memory-outbox.js';
import { until } from '../support/until.js';

/** A publisher with its outbox and its broker. Its deadlines are short enough for a test to wait for. */
export interface PublisherWorld {
  readonly publisher: Publisher;
  readonly outbox: MemoryOutbox;
  /** The numbers of the events that reached the broker, in order, including repetitions. */
  eventSeqs(): number[];
  /** The retained payload that a late subscriber would receive. */
  retained(kind: 'availability' | 'info' | 'state'): string | undefined;
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
      world.publisher.state({ cycle: 'idle' });
      assert.deepEqual(world.publisher.status(), { connected: false, lastError: null });
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
      world.publisher.info({ version: '1' });
      world.publisher.state({ cycle: 'idle' });
      await until('an error is reported', () => world.publisher.status().lastError !== null);
      assert.equal(world.publisher.status().connected, false);
      assert.deepEqual(world.outbox.seqs, seqs);
      await world.startBroker();
      await world.outbox.empty();
      assert.deepEqual(inOrderOfFirstArrival(world.eventSeqs()), seqs);
      assert.deepEqual(world.publisher.status(), { connected: true, lastError: null });
      assert.equal(world.retained('availability'), 'online');
      assert.equal(world.retained('info'), '{"version":"1"}');
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
      world.publisher.info({ version: '1' });
      world.publisher.state({ fill: 1 });
      world.publisher.start();
      await until('the first state', () => world.retained('state') === '{"fill":1}');
      for (const fill of [2, 3, 4]) world.publisher.state({ fill });
      await until('the newest state', () => world.retained('state') === '{"fill":4}');
      await world.stopBroker();
      await until('the loss is detected', () => !world.publisher.status().connected);
      for (const fill of [5, 6]) world.publisher.state({ fill });
      world.publisher.info({ version: '2' });
      await world.startBroker();
      await until('the newest state', () => world.retained('state') === '{"fill":6}');
      assert.equal(world.retained('info'), '{"version":"2"}');
      assert.equal(world.retained('availability'), 'online');
    });

    test('publishes an object as it was at the call', async () => {
      const world = await open();
      const state = { fill: 1 };
      world.publisher.state(state);
      state.fill = 2;
      world.publisher.start();
      await online(world);
      await until('a state', () => world.retained('state') !== undefined);
      assert.equal(world.retained('state'), '{"fill":1}');
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
      assert.equal(world.retained('availability'), 'offline');
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
