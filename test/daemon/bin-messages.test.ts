import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { BinMessages } from '../../device/daemon/bin-messages.js';
import { SimulatedJournal } from '../../device/journal/simulated-journal.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { machineReport } from '../../device/status/machine-report.js';
import { type StatsMessage, statsMessageSchema } from '../../device/status/stats-message.js';
import { Status } from '../../device/status/status.js';
import { quiet } from '../support/bin.js';
import { anEvent } from '../support/event.js';
import { MemoryOutbox } from '../support/network/memory-outbox.js';
import { SimulatedPublisher } from '../support/network/simulated-publisher.js';

const start = async (t: TestContext, connected = true) => {
  const clock = new SimulatedClock();
  const journal = new SimulatedJournal();
  const publisher = new SimulatedPublisher(new MemoryOutbox(), { clock, log: quiet }, { connected });
  const status: Status = new Status(clock, () => messages.changed());
  const machine = () => machineReport(null, clock);
  const messages = await BinMessages.open({ status, journal, publisher, machine, clock, log: quiet });
  publisher.start();
  await messages.start();
  t.after(() => Promise.all([messages.stop(), publisher.close()]));
  await clock.advance(0);
  const stats = (): StatsMessage[] =>
    publisher.published.map(({ topic, payload }) => {
      assert.equal(topic, 'sortbin/kitchen/stats');
      const message = JSON.parse(payload);
      assert.deepEqual(statsMessageSchema.parse(message), message);
      return message;
    });
  return { clock, journal, publisher, status, messages, stats };
};

describe('the messages of a bin', () => {
  it('have statistics each minute, also while the bin is idle', async (t) => {
    const { clock, stats, messages } = await start(t);
    messages.event(anEvent({ timingsMs: { total: 800 } }));
    await clock.advance(59_000);
    assert.equal(stats().length, 0);
    await clock.advance(122_000);
    assert.deepEqual(
      stats().map(({ uptimeS }) => uptimeS),
      [60, 120, 180],
    );
    const [first] = stats();
    assert.equal(first?.connections, 1);
    assert.deepEqual(first?.outbox, { waiting: 0, undeliverable: 0, dropped: 0 });
    assert.deepEqual(first?.latencyMs, { total: { p50: 800, p95: 800, items: 1 } });
    assert.ok((first?.rssBytes ?? 0) > 1e6);
  });

  it('drop statistics without a connection, and go on', async (t) => {
    const { clock, stats, publisher } = await start(t, false);
    await clock.advance(120_000);
    publisher.connect();
    await clock.advance(60_000);
    assert.equal(stats().length, 1);
  });

  it('have no outbox in the statistics if the journal gives no answer', async (t) => {
    const { clock, stats, journal } = await start(t);
    journal.counters = () => new Promise(() => {});
    await clock.advance(60_000);
    await clock.advance(1_000);
    assert.deepEqual(
      stats().map(({ outbox }) => outbox),
      [null],
    );
  });

  it('have the state and each fault, and end with the last change', async (t) => {
    const { status, publisher, messages } = await start(t);
    const retained = (topic: string) =>
      JSON.parse(publisher.retained.get(`sortbin/kitchen/${topic}`) ?? '{}');
    assert.equal(retained('state').mode, 'starting');
    status.setFault('camera', { code: 'camera-failed', message: 'unplugged' });
    assert.equal(retained('fault/camera-failed').state, 'raised');
    status.phase('stopped');
    await messages.stop();
    assert.equal(retained('state').mode, 'stopped');
    assert.deepEqual(Object.keys(retained('state').faults), ['camera-failed']);
  });
});
