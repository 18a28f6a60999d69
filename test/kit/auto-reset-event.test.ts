import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AutoResetEvent } from '../../device/kit/auto-reset-event.js';

const never = new AbortController().signal;

it('ends a wait, also if it was set before, and is reset by it', async () => {
  const event = new AutoResetEvent();
  event.set();
  event.set();
  await event.wait(never);
  let waits = true;
  const next = event.wait(never).then(() => {
    waits = false;
  });
  await Promise.resolve();
  assert.equal(waits, true);
  event.set();
  await next;
});

it('rejects a wait with the reason of its aborted signal, and stays usable', async () => {
  const event = new AutoResetEvent();
  const stop = new AbortController();
  const wait = event.wait(stop.signal);
  stop.abort(new Error('stopped'));
  await assert.rejects(wait, /stopped/);
  await assert.rejects(event.wait(stop.signal), /stopped/);
  event.set();
  await event.wait(never);
});
