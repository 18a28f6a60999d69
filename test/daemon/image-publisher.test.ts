import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { ImagePublisher } from '../../device/daemon/image-publisher.js';
import type { Frame } from '../../device/hardware/camera/camera.js';
import { type Deferred, deferred } from '../../device/kit/deferred.js';
import { type Answer, done, failed } from '../../device/kit/errors.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { anEvent } from '../support/event.js';

const log = pino({ level: 'silent' });
const event = anEvent();

const frameOf = (id: string): Frame => ({
  id,
  bytes: Buffer.from(id),
  capturedAtMs: 0,
  capturedAtWallMs: 0,
});

const itemWith = (frame?: Frame) => ({
  item: { id: 'i1', trigger: { source: 'beam', id: 't1', atMs: 0, wallMs: 0 }, ...(frame ? { frame } : {}) },
  ...{ outcome: 'sorted' as const, decision: null, fault: null, atMs: 0 },
});

/** A publisher of pictures. Each encoding waits until `encoded` is resolved. */
const make = (connected = true) => {
  const published: string[] = [];
  const waiting: { readonly frame: Frame; readonly encoded: Deferred<Answer<Uint8Array>> }[] = [];
  const publisher = {
    status: () => ({ connected, lastError: null, connections: 1 }),
    publish: async (topic: string, payload: Uint8Array, { qos }: { qos?: number } = {}) => {
      published.push(`${topic} ${Buffer.from(payload)} ${qos}`);
      return done(undefined);
    },
  };
  const vision = {
    toJpeg: (frame: Frame) => {
      const encoded = deferred<Answer<Uint8Array>>();
      waiting.push({ frame, encoded });
      return encoded.promise;
    },
  };
  const model = { use: (work: (active: { vision: typeof vision }) => unknown) => work({ vision }) };
  const images = new ImagePublisher(publisher as never, model as never, new SimulatedClock(), log);
  const encode = async (answer?: Answer<Uint8Array>) => {
    const next = waiting.shift();
    assert.ok(next, 'a picture is encoded');
    next.encoded.resolve(answer ?? done(Buffer.from(`jpeg of ${next.frame.id}`)));
    await new Promise(setImmediate);
  };
  return { images, published, waiting, encode };
};

describe('the picture of an item', () => {
  it('is published as a JPEG', async () => {
    const { images, published, encode } = make();
    void images.event(event, itemWith(frameOf('a')));
    await encode();
    assert.deepEqual(published, ['image jpeg of a 0']);
  });

  it('is left out if a newer one comes while another one is encoded', async () => {
    const { images, published, waiting, encode } = make();
    for (const id of ['a', 'b', 'c']) void images.event(event, itemWith(frameOf(id)));
    await encode();
    await encode();
    assert.equal(waiting.length, 0);
    assert.deepEqual(published, ['image jpeg of a 0', 'image jpeg of c 0']);
  });

  it('is left out if it cannot be encoded, and the next one is published', async () => {
    const { images, published, encode } = make();
    void images.event(event, itemWith(frameOf('a')));
    await encode(failed('picture-broken', 'not an image'));
    void images.event(event, itemWith(frameOf('b')));
    await encode();
    assert.deepEqual(published, ['image jpeg of b 0']);
  });

  it('is not encoded without a connection, and an item without a picture needs none', async () => {
    const offline = make(false);
    await offline.images.event(event, itemWith(frameOf('a')));
    assert.equal(offline.waiting.length, 0);
    const { images, waiting } = make();
    await images.event(event, itemWith());
    await images.event(event);
    assert.equal(waiting.length, 0);
  });
});
