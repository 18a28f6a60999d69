import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import {
  type EventKey,
  type Journal,
  JournalError,
  type JournalErrorCode,
  MAX_COMMANDS,
  MAX_LABELS,
} from '../../device/journal/journal.js';

interface FrameRingLimits {
  readonly maxFrames: number;
  readonly maxFrameBytes: number;
}

/** Opens a journal. Each call is one run, which continues the data of the previous run. */
type OpenRun = (limits?: FrameRingLimits) => Promise<Journal>;

export const rejectsAs = (promise: Promise<unknown>, code: JournalErrorCode, message?: RegExp) =>
  assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof JournalError, String(error));
    assert.equal(error.code, code);
    if (message) assert.match(error.message, message);
    return true;
  });

/** The body of an event without its epoch, which differs in each test. */
const withoutEpoch = (json: string): object => {
  const { epoch, ...body } = JSON.parse(json) as { epoch: string };
  assert.match(epoch, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  return body;
};

const seqsOf = async (journal: Journal, after: EventKey | null = null, limit = 100) =>
  (await journal.pending(after, limit)).map(({ seq }) => seq);

/** Tests for every journal. `make` provides a separate journal for each test, and removes it after the test. */
export const journalContract = (name: string, make: (t: TestContext) => OpenRun) => {
  describe(`journal contract: ${name}`, () => {
    it('numbers finished rows from 1 without gaps, also across a restart', async (t) => {
      const open = make(t);
      const first = await open();
      for (const id of ['a', 'b', 'c']) await first.begin(id, { id });
      assert.equal((await first.finish('b', { id: 'b' })).seq, 1);
      assert.equal((await first.finish('a', { id: 'a' })).seq, 2);
      await first.close();
      const second = await open();
      assert.equal((await second.finish('c', { id: 'c' })).seq, 3);
      assert.deepEqual(
        (await second.pending(null, 10)).map(({ seq, id }) => [seq, id]),
        [
          [1, 'b'],
          [2, 'a'],
          [3, 'c'],
        ],
      );
      await second.close();
    });

    it('writes the key into the body, over any other value, and keeps the rest', async (t) => {
      const journal = await make(t)();
      await journal.begin('a', { half: true });
      const body = { seq: null, epoch: 7, outcome: 'sorted', text: 'Pappe "ö"', scores: { paper: 0.93 } };
      const key = await journal.finish('a', body);
      const [event] = await journal.pending(null, 1);
      assert.deepEqual(JSON.parse(event?.json ?? ''), {
        epoch: key.epoch,
        seq: 1,
        outcome: 'sorted',
        text: 'Pappe "ö"',
        scores: { paper: 0.93 },
      });
      await journal.close();
    });

    it('numbers concurrent calls in the order of the calls', async (t) => {
      const journal = await make(t)();
      const ids = Array.from({ length: 20 }, (_, index) => `row-${index}`);
      const keys = await Promise.all(ids.map((id) => journal.finish(id, { id })));
      assert.deepEqual(
        keys.map(({ seq }) => seq),
        ids.map((_, index) => index + 1),
      );
      await journal.close();
    });

    it('uses the body as it is at the call', async (t) => {
      const journal = await make(t)();
      const body = { outcome: 'sorted' };
      const finishing = journal.finish('a', body);
      body.outcome = 'changed';
      await finishing;
      const [event] = await journal.pending(null, 1);
      assert.deepEqual(withoutEpoch(event?.json ?? ''), { outcome: 'sorted', seq: 1 });
      await journal.close();
    });

    it('refuses a body that cannot be JSON, and continues', async (t) => {
      const journal = await make(t)();
      await rejectsAs(journal.begin('a', { size: 1n }), 'journal-failed', /BigInt/);
      await rejectsAs(journal.finish('a', { size: 1n }), 'journal-failed', /BigInt/);
      assert.equal((await journal.finish('a', {})).seq, 1);
      await journal.close();
    });

    it('refuses a row that is already finished, and does not change it', async (t) => {
      const journal = await make(t)();
      const key = await journal.finish('a', { outcome: 'sorted' });
      await rejectsAs(
        journal.finish('a', { outcome: 'failed' }),
        'already-finished',
        /^row a: already finished as event 1$/,
      );
      await rejectsAs(journal.begin('a', { outcome: 'failed' }), 'already-finished');
      const events = await journal.pending(null, 10);
      assert.deepEqual(
        events.map(({ json }) => withoutEpoch(json)),
        [{ outcome: 'sorted', seq: 1 }],
      );
      assert.equal((await journal.finish('b', {})).seq, 2, 'the refusals used no number');
      await journal.acknowledge([key]);
      await rejectsAs(journal.finish('a', {}), 'already-finished');
      await journal.close();
    });

    it('returns the same key if a row is finished again with the same body, also in a later run', async (t) => {
      const open = make(t);
      const first = await open();
      const key = await first.finish('a', { outcome: 'sorted', scores: { paper: 0.9, glass: 0.1 } });
      const same = { scores: { glass: 0.1, paper: 0.9 }, outcome: 'sorted', seq: 7, epoch: 'other' };
      assert.deepEqual(await first.finish('a', same), key);
      await first.close();
      const second = await open();
      assert.deepEqual(await second.finish('a', same), key);
      assert.equal((await second.counters()).events, 1);
      assert.equal((await second.counters()).pending, 1);
      await rejectsAs(second.finish('a', { ...same, count: 2 }), 'already-finished');
      assert.equal((await second.finish('b', {})).seq, 2, 'the retries used no number');
      await second.close();
    });

    it('has one epoch for its whole life, and another journal has another', async (t) => {
      const open = make(t);
      const first = await open();
      const { epoch } = await first.finish('a', {});
      await first.close();
      const second = await open();
      assert.equal((await second.finish('b', {})).epoch, epoch);
      await second.close();
      const other = await make(t)();
      assert.notEqual((await other.finish('a', {})).epoch, epoch);
      await other.close();
    });

    it('finishes a row that was never begun', async (t) => {
      const journal = await make(t)();
      assert.equal((await journal.finish('new', { outcome: 'ignored' })).seq, 1);
      assert.equal((await journal.counters()).events, 1);
      await journal.close();
    });

    it('returns the unfinished rows of an earlier run, oldest first, but not those of this run', async (t) => {
      const open = make(t);
      const first = await open();
      for (const id of ['z', 'm', 'a']) await first.begin(id, { trigger: id });
      await first.finish('m', {});
      assert.deepEqual(await first.unfinished(), []);
      await first.close();
      const second = await open();
      await second.begin('mine', {});
      assert.deepEqual(await second.unfinished(), [
        { id: 'z', body: { trigger: 'z' } },
        { id: 'a', body: { trigger: 'a' } },
      ]);
      await second.finish('z', { outcome: 'interrupted' });
      assert.deepEqual(
        (await second.unfinished()).map(({ id }) => id),
        ['a'],
      );
      await second.close();
    });

    it('replaces the body of a row that is begun again', async (t) => {
      const open = make(t);
      const first = await open();
      await first.begin('a', { attempt: 1 });
      await first.begin('a', { attempt: 2 });
      await first.close();
      const second = await open();
      assert.deepEqual(await second.unfinished(), [{ id: 'a', body: { attempt: 2 } }]);
      await second.close();
    });

    it('returns the pending events in order, after an event and up to a limit', async (t) => {
      const journal = await make(t)();
      for (const id of ['e', 'd', 'c', 'b']) await journal.finish(id, {});
      const { epoch } = await journal.finish('a', {});
      assert.deepEqual(await seqsOf(journal), [1, 2, 3, 4, 5]);
      assert.deepEqual(await seqsOf(journal, { epoch, seq: 2 }, 2), [3, 4]);
      assert.deepEqual(await seqsOf(journal, { epoch, seq: 5 }, 2), []);
      assert.deepEqual(await seqsOf(journal, null, 0), []);
      assert.deepEqual(await seqsOf(journal, { epoch: 'earlier', seq: 5 }, 2), [1, 2], 'of another epoch');
      await journal.close();
    });

    it('removes acknowledged events once, and ignores events that are not in the outbox', async (t) => {
      const open = make(t);
      const journal = await open();
      for (const id of ['a', 'b']) await journal.finish(id, {});
      const { epoch } = await journal.finish('c', {});
      await journal.acknowledge([2, 99, -1].map((seq) => ({ epoch, seq })));
      await journal.acknowledge([{ epoch, seq: 2 }]);
      await journal.acknowledge([{ epoch: 'earlier', seq: 1 }]);
      await journal.acknowledge([]);
      assert.deepEqual(await seqsOf(journal), [1, 3]);
      assert.equal((await journal.counters()).pending, 2);
      await journal.close();
      const next = await open();
      assert.deepEqual(await seqsOf(next), [1, 3]);
      await next.close();
    });

    it('keeps undeliverable events in the outbox, but passes over them, until they are retried', async (t) => {
      const open = make(t);
      const journal = await open();
      for (const id of ['a', 'b', 'c', 'd', 'e']) await journal.finish(id, { bin: 'kitchen' });
      const { epoch } = await journal.finish('f', {});
      const at = '2026-11-30T10:00:00.000Z';
      for (const seq of [4, 2, 3, 99]) await journal.markUndeliverable({ epoch, seq }, `refused ${seq}`, at);
      await journal.markUndeliverable({ epoch: 'earlier', seq: 1 }, 'refused', at);
      await journal.markUndeliverable({ epoch, seq: 3 }, 'refused again', at);
      assert.deepEqual(await seqsOf(journal), [1, 5, 6]);
      assert.deepEqual(
        (await journal.pending(null, 9)).map(({ bin }) => bin),
        ['kitchen', 'kitchen', null],
      );
      await journal.close();
      const next = await open();
      assert.deepEqual(await next.undeliverable(), [
        { epoch, seq: 2, id: 'b', reason: 'refused 2', at },
        { epoch, seq: 3, id: 'c', reason: 'refused again', at },
        { epoch, seq: 4, id: 'd', reason: 'refused 4', at },
      ]);
      const counts = async () => {
        const { pending, undeliverable, dropped } = await next.counters();
        return { pending, undeliverable, dropped };
      };
      assert.deepEqual(await counts(), { pending: 6, undeliverable: 3, dropped: 0 });
      assert.equal(await next.retryUndeliverable([3, 1, 99]), 1);
      assert.deepEqual(await seqsOf(next), [1, 3, 5, 6]);
      assert.equal(await next.dropUndeliverable([4, 1]), 1);
      assert.deepEqual(await counts(), { pending: 5, undeliverable: 1, dropped: 1 });
      await next.acknowledge([{ epoch, seq: 2 }]);
      assert.deepEqual(await counts(), { pending: 4, undeliverable: 0, dropped: 1 });
      for (const seq of [1, 5]) await next.markUndeliverable({ epoch, seq }, 'refused', at);
      assert.equal(await next.retryUndeliverable('all'), 2);
      for (const seq of [3, 6]) await next.markUndeliverable({ epoch, seq }, 'refused', at);
      assert.equal(await next.dropUndeliverable('all'), 2);
      assert.deepEqual(await seqsOf(next), [1, 5]);
      assert.deepEqual(await counts(), { pending: 2, undeliverable: 0, dropped: 3 });
      await next.close();
    });

    it('counts events, outbox and frames', async (t) => {
      const journal = await make(t)();
      const none = {
        events: 0,
        pending: 0,
        undeliverable: 0,
        dropped: 0,
        unrecorded: 0,
        frames: 0,
        frameBytes: 0,
      };
      assert.deepEqual(await journal.counters(), none);
      await journal.begin('a', {});
      assert.deepEqual(await journal.counters(), none);
      const key = await journal.finish('a', {});
      await journal.finish('b', {});
      await journal.acknowledge([key]);
      await journal.keepFrame('f-1', new Uint8Array(10));
      await journal.keepFrame('f-2', new Uint8Array(20));
      assert.deepEqual(await journal.counters(), {
        events: 2,
        pending: 1,
        undeliverable: 0,
        dropped: 0,
        unrecorded: 0,
        frames: 2,
        frameBytes: 30,
      });
      await journal.close();
    });

    it('counts the events that could not be recorded, also across a restart', async (t) => {
      const open = make(t);
      const first = await open();
      await first.countUnrecorded(3);
      await first.countUnrecorded(185);
      assert.equal((await first.counters()).unrecorded, 188);
      await first.close();
      const second = await open();
      assert.equal((await second.counters()).unrecorded, 188);
      await second.countUnrecorded(1);
      assert.equal((await second.counters()).unrecorded, 189);
      await second.close();
    });

    it('changes the totals once for each finished row, also across a restart', async (t) => {
      const open = make(t);
      const journal = await open();
      assert.deepEqual(await journal.totals(), {});
      await journal.begin('a', {});
      assert.deepEqual(await journal.totals(), {});
      const sorted = { add: { 'outcome/sorted': 1, 'compartment/paper': 1 }, set: {} };
      await journal.finish('a', { n: 1 }, sorted);
      await journal.finish('a', { n: 1 }, sorted);
      await assert.rejects(journal.finish('a', { n: 2 }, sorted), { code: 'already-finished' });
      await journal.finish('b', {}, { add: { 'outcome/ignored': 4 }, set: {} });
      await journal.finish('c', {}, sorted);
      await journal.finish('d', {});
      assert.deepEqual(await journal.totals(), {
        'outcome/sorted': 2,
        'compartment/paper': 2,
        'outcome/ignored': 4,
      });
      await journal.close();
      const next = await open();
      await next.finish('e', {}, { add: {}, set: { 'compartment/paper': 0, 'emptied/paper': 1.5e12 } });
      assert.deepEqual(await next.totals(), {
        'outcome/sorted': 2,
        'compartment/paper': 0,
        'outcome/ignored': 4,
        'emptied/paper': 1.5e12,
      });
      await next.close();
    });

    it('keeps the newest state of each name, also across a restart', async (t) => {
      const open = make(t);
      const journal = await open();
      assert.equal(await journal.loadState('a'), null);
      await journal.saveState('a', { step: 1 });
      await journal.saveState('a', { step: 2, list: ['x'] });
      await journal.saveState('b', { step: 3 });
      await journal.close();
      const next = await open();
      assert.deepEqual(await next.loadState('a'), { step: 2, list: ['x'] });
      assert.deepEqual(await next.loadState('b'), { step: 3 });
      await next.close();
    });

    it('keeps the newest frames within both limits, also across a restart', async (t) => {
      const open = make(t);
      const limits = { maxFrames: 3, maxFrameBytes: 100 };
      const frameCounts = async (journal: Journal) => {
        const { frames, frameBytes } = await journal.counters();
        return [frames, frameBytes];
      };
      const journal = await open(limits);
      for (const size of [10, 20, 30, 40]) await journal.keepFrame(`f-${size}`, new Uint8Array(size));
      assert.deepEqual(await frameCounts(journal), [3, 90], 'the maximum count removed the 10');
      await journal.keepFrame('f-60', new Uint8Array(60));
      assert.deepEqual(await frameCounts(journal), [2, 100], 'the maximum size removed the 20 and the 30');
      await journal.keepFrame('f-101', new Uint8Array(101));
      assert.deepEqual(
        await frameCounts(journal),
        [2, 100],
        'larger than the ring: not kept, and nothing was removed for it',
      );
      await journal.keepFrame('f-60', new Uint8Array(50));
      assert.deepEqual(await frameCounts(journal), [2, 90], 'a frame with the same id is replaced');
      await journal.close();
      const next = await open(limits);
      await next.keepFrame('f-70', new Uint8Array(45));
      assert.deepEqual(await frameCounts(next), [2, 95], 'the 40 was the oldest');
      await next.close();
    });

    it('refuses frame ids that could name another file', async (t) => {
      const journal = await make(t)();
      for (const id of ['', '..', '../x', 'a/b', 'a\\b', 'a.jpg', 'a\0', 'a\n', 'ä', 'x'.repeat(65)]) {
        await rejectsAs(
          journal.keepFrame(id, new Uint8Array(1)),
          'journal-failed',
          /^frame id .*: not allowed\. Use 1 to 64 letters, digits and hyphens\.$/,
        );
      }
      assert.equal((await journal.counters()).frames, 0);
      await journal.close();
    });

    it('keeps the labels of an event in order, also across a restart', async (t) => {
      const open = make(t);
      const first = await open();
      await first.finish('a', {});
      await first.finish('b', {});
      assert.deepEqual(await first.labels('a'), []);
      const wrong = { label: null, source: 'button', at: '2026-01-01T00:00:00.000Z' };
      const right = { label: 'paper', source: 'command', at: '2026-01-01T00:01:00.000Z' };
      await first.label('a', wrong);
      await first.label('a', right);
      await first.close();
      const second = await open();
      assert.deepEqual(await second.labels('a'), [wrong, right]);
      assert.deepEqual(await second.labels('b'), []);
      await second.close();
    });

    it('keeps the newest labels of an event', async (t) => {
      const journal = await make(t)();
      await journal.finish('a', {});
      const labels = Array.from({ length: MAX_LABELS + 2 }, (_, index) => ({
        label: `label-${index}`,
        source: 'command',
        at: '2026-01-01T00:00:00.000Z',
      }));
      for (const label of labels) await journal.label('a', label);
      assert.deepEqual(await journal.labels('a'), labels.slice(2));
      await journal.close();
    });

    it('refuses a label for an unknown event and for a row without an outcome', async (t) => {
      const journal = await make(t)();
      await journal.begin('begun', {});
      const label = { label: 'paper', source: 'command', at: '2026-01-01T00:00:00.000Z' };
      for (const id of ['begun', 'none']) {
        const message = new RegExp(`^event "${id}": not in the journal\\. Give the id of a finished event`);
        await rejectsAs(journal.label(id, label), 'unknown-event', message);
        await rejectsAs(journal.labels(id), 'unknown-event', message);
      }
      await journal.close();
    });

    it('lets a command transaction be executed once, and then returns its answer', async (t) => {
      const open = make(t);
      const first = await open();
      const begin = (journal: Journal) => journal.beginCommand('t-1', 'emptied', { compartment: 'paper' });
      assert.deepEqual(await begin(first), { state: 'begun' });
      await first.endCommand('t-1', { ok: true, value: 'emptied' });
      const ended = { state: 'ended', answer: { ok: true, value: 'emptied' } };
      assert.deepEqual(await begin(first), ended);
      await first.close();
      const second = await open();
      assert.deepEqual(await begin(second), ended);
      await second.close();
    });

    it('returns unknown for a command without an answer, in this run and in a later one', async (t) => {
      const open = make(t);
      const first = await open();
      await first.beginCommand('t-1', 'trigger', {});
      assert.deepEqual(await first.beginCommand('t-1', 'trigger', {}), { state: 'unknown' });
      await first.close();
      const second = await open();
      assert.deepEqual(await second.beginCommand('t-1', 'trigger', {}), { state: 'unknown' });
      await second.close();
    });

    it('refuses a transaction that is used again for another command or request', async (t) => {
      const journal = await make(t)();
      await journal.beginCommand('t-1', 'move', { compartment: 'paper', speed: 1 });
      const message = /^transaction "t-1": already used for "move".* Use a new transaction id/;
      await rejectsAs(journal.beginCommand('t-1', 'move', {}), 'transaction-reused', message);
      const request = { speed: 1, compartment: 'paper' };
      await rejectsAs(journal.beginCommand('t-1', 'home', request), 'transaction-reused', message);
      assert.deepEqual(await journal.beginCommand('t-1', 'move', request), { state: 'unknown' });
      await journal.close();
    });

    it('accepts the same answer again, and refuses another one and one for an unknown transaction', async (t) => {
      const journal = await make(t)();
      await journal.beginCommand('t-1', 'move', {});
      await journal.endCommand('t-1', { ok: true });
      await journal.endCommand('t-1', { ok: true });
      await rejectsAs(journal.endCommand('t-1', { ok: false }), 'already-finished');
      await rejectsAs(
        journal.endCommand('t-2', {}),
        'unknown-transaction',
        /^transaction "t-2": not begun\./,
      );
      await journal.close();
    });

    it('keeps the newest transactions, and always one that this run has begun and not ended', async (t) => {
      const open = make(t);
      const first = await open();
      await first.beginCommand('old', 'move', {});
      await first.close();
      const second = await open();
      await second.beginCommand('open', 'move', {});
      for (let index = 1; index <= MAX_COMMANDS; index += 1) {
        await second.beginCommand(`t-${index}`, 'move', { index });
        await second.endCommand(`t-${index}`, { index });
      }
      await second.endCommand('open', { late: true });
      assert.deepEqual(
        await second.beginCommand(`t-2`, 'move', { index: 2 }),
        { state: 'ended', answer: { index: 2 } },
        'the oldest but one is still there',
      );
      for (const deleted of ['old', 't-1']) {
        await rejectsAs(second.endCommand(deleted, {}), 'unknown-transaction');
      }
      await second.close();
    });

    it('refuses more commands without an answer than it stores', async (t) => {
      const journal = await make(t)();
      const begin = (index: number) => journal.beginCommand(`t-${index}`, 'move', {});
      for (let index = 1; index <= MAX_COMMANDS; index += 1) await begin(index);
      await rejectsAs(begin(MAX_COMMANDS + 1), 'journal-busy', /1000 commands have no answer yet/);
      await journal.endCommand('t-1', {});
      assert.deepEqual(await begin(MAX_COMMANDS + 1), { state: 'begun' });
      await journal.close();
    });

    it('has no fault, and has not been set aside', async (t) => {
      const journal = await make(t)();
      const faults: unknown[] = [];
      journal.onHealth((fault) => faults.push(fault));
      journal.setAside.onHealth((fault) => faults.push(fault));
      await journal.finish('a', {});
      assert.deepEqual(faults, []);
      await journal.close();
    });

    it('refuses every call after close, and closes once', async (t) => {
      const journal = await make(t)();
      await Promise.all([journal.close(), journal.close()]);
      await journal.close();
      for (const call of [
        () => journal.unfinished(),
        () => journal.begin('a', {}),
        () => journal.finish('a', {}),
        () => journal.keepFrame('f', new Uint8Array(1)),
        () => journal.label('a', { label: null, source: 'button', at: '' }),
        () => journal.labels('a'),
        () => journal.beginCommand('t', 'trigger', {}),
        () => journal.endCommand('t', {}),
        () => journal.pending(null, 1),
        () => journal.acknowledge([{ epoch: '', seq: 1 }]),
        () => journal.counters(),
      ]) {
        await rejectsAs(call(), 'journal-closed');
      }
    });
  });
};
