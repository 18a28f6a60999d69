import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import type { BinEvent } from '../../../device/cycle/event.js';
import type { Journalled, ServedModel } from '../../../device/cycle/observer.js';
import type { Outcome } from '../../../device/cycle/state.js';
import { type LogRecord, toTerminal } from '../../../device/tools/cli/log.js';
import { LogObserver } from '../../../device/tools/cli/log-observer.js';
import { somePolicy } from '../../support/cycle.js';

/** Returns the lines of the log, as JSON and as a terminal shows them. */
const linesOf = (use: (observer: LogObserver) => void) => {
  const records: LogRecord[] = [];
  use(new LogObserver(pino({ base: null }, { write: (line) => records.push(JSON.parse(line)) })));
  for (const { msg = '' } of records) assert.doesNotMatch(msg, /\s\s|^\s/, 'JSON messages have no columns');
  const json = records.map(({ level, time, ...rest }) => rest);
  return { json, levels: records.map(({ level }) => level), text: records.map((one) => toTerminal(one).msg) };
};

const active: ServedModel['info'] = {
  model: { name: 'waste12', version: '1.3.0', sha256: 'aa' },
  runtime: { name: 'tflite', backend: 'xnnpack-2.9', threads: 2 },
  title: 'tflite (LiteRT)',
  golden: null,
  skipped: [{ runtime: 'edgetpu', why: 'no accelerator' }],
};

const served = (info = active): ServedModel => ({ info, labels: ['paper', 'trash'], policy: somePolicy() });

const event: BinEvent = {
  schema: 1,
  id: 'id-1',
  bin: 'hall',
  epoch: '5f0a8a3e-6d3f-4c5e-9a51-0c2f2f6f4a10',
  seq: 12,
  at: '2026-01-01T00:00:00.000Z',
  clock: 'synchronised',
  trigger: { source: 'simulated', id: 't-1' },
  outcome: 'sorted',
  decision: { compartment: 'paper', label: 'paper', confidence: 0.984, reason: 'confident' },
  scores: { paper: 0.984 },
  unfamiliar: null,
  model: null,
  runtime: null,
  frame: null,
  timingsMs: { total: 848.4, gateMove: 800.6 },
  fault: null,
};

const journalled = (outcome: Outcome, changes: Partial<BinEvent> = {}, name?: string): Journalled => ({
  event: { ...event, outcome, ...changes },
  finished: {
    item: {
      id: 'id-1',
      trigger: { id: 't-1', source: 'simulated', atMs: 0, wallMs: 0 },
      ...(name === undefined
        ? {}
        : { frame: { id: 'f-1', bytes: new Uint8Array(), capturedAtMs: 0, capturedAtWallMs: 0, name } }),
    },
    outcome,
    decision: null,
    fault: null,
    atMs: 0,
  },
});

describe('the log of the daemon', () => {
  it('names the model, the broker and the journal at the start', () => {
    const { json, levels, text } = linesOf((observer) => {
      observer.served(served());
      observer.addresses({
        url: 'mqtt://user:secret@127.0.0.1:40123',
        embedded: { port: 40123, requestedPort: 1883 },
        topics: 'sortbin/hall',
        journal: '/data/journal.db',
      });
    });
    const { model, runtime, title, skipped } = active;
    const command = "npx mqtt sub -h 127.0.0.1 -p 40123 -v -t 'sortbin/hall/#'";
    assert.deepEqual(json, [
      { model, runtime, title, msg: 'runtime activated' },
      { skipped: skipped[0], msg: 'runtime skipped' },
      {
        requestedPort: 1883,
        port: 40123,
        msg: 'requested port was in use, embedded broker selected another port',
      },
      { url: 'mqtt://127.0.0.1:40123', embedded: true, msg: 'broker selected' },
      {
        topics: ['availability', 'info', 'state', 'event'].map((topic) => `sortbin/hall/${topic}`),
        msg: 'topics assigned',
      },
      { command, msg: 'watch command available' },
      { path: '/data/journal.db', msg: 'journal opened' },
    ]);
    assert.deepEqual(levels, [30, 30, 40, 30, 30, 30, 30]);
    assert.deepEqual(text, [
      'model    waste12 1.3.0 on tflite (LiteRT) (xnnpack-2.9, 2 threads)',
      '         skipped edgetpu: no accelerator',
      'port 1883 is in use by another program: the broker listens on 40123',
      'broker   mqtt://127.0.0.1:40123 (embedded)',
      'topics   sortbin/hall/availability, info, state, event',
      `watch    ${command}`,
      'journal  /data/journal.db',
    ]);
  });

  it('gives no watch command for an external broker', () => {
    const { json, text } = linesOf((observer) => {
      observer.served(served({ ...active, skipped: [] }));
      observer.addresses({
        url: 'mqtts://broker.example:8883',
        embedded: null,
        topics: 'a/b',
        journal: 'j',
      });
    });
    assert.deepEqual(json[1], {
      url: 'mqtts://broker.example:8883',
      embedded: false,
      msg: 'broker selected',
    });
    assert.equal(text[1], 'broker   mqtts://broker.example:8883');
    assert.deepEqual(
      json.map(({ msg }) => msg),
      ['runtime activated', 'broker selected', 'topics assigned', 'journal opened'],
    );
  });

  it('writes an item as fields in JSON, and as columns on a terminal', () => {
    const outcomes: readonly [Journalled, string, string][] = [
      [
        journalled('sorted', {}, 'paper/paper18.jpg'),
        'item sorted',
        '#12     sorted       paper 98 %         -> paper      confident         48 ms  + gate 801 ms  paper/paper18.jpg',
      ],
      [
        journalled('refused', {
          decision: { compartment: null, label: 'battery', confidence: 0.99, reason: 'hazard' },
          timingsMs: { total: 48 },
        }),
        'item refused',
        '#12     refused      battery 99 %                     hazard            48 ms',
      ],
      [
        journalled('ignored', { decision: null, count: 3, timingsMs: {} }),
        'triggers ignored',
        '#12     ignored                                       3 triggers while busy',
      ],
      [
        journalled('failed', { decision: null, fault: { code: 'gate-failed', message: '' }, timingsMs: {} }),
        'item failed',
        '#12     failed                                        gate-failed        0 ms',
      ],
      [
        journalled('interrupted', { decision: null, fault: { code: 'stopped', message: '' }, timingsMs: {} }),
        'item interrupted',
        '#12     interrupted                                   stopped            0 ms',
      ],
    ];
    const { json, text } = linesOf((observer) => {
      for (const [{ event: item, finished }] of outcomes) observer.event(item, finished);
    });
    assert.deepEqual(
      json.map(({ msg }) => msg),
      outcomes.map(([, message]) => message),
    );
    assert.deepEqual(
      json.map(({ item }) => item),
      outcomes.map(([{ event }]) => event),
    );
    assert.deepEqual(json[0]?.image, 'paper/paper18.jpg');
    assert.deepEqual(
      text,
      outcomes.map(([, , line]) => line),
    );
  });

  it('writes the reports of an operator', () => {
    const emptied: BinEvent = { ...event, outcome: 'emptied', compartment: 'paper', decision: null };
    const disputed: BinEvent = { ...event, outcome: 'disputed', item: 'id-0', decision: null };
    const { json, text } = linesOf((observer) => {
      observer.event(emptied);
      observer.event(disputed);
    });
    assert.deepEqual(json, [
      { remark: emptied, msg: 'compartment emptied' },
      { remark: disputed, msg: 'item disputed' },
    ]);
    assert.deepEqual(text, [
      '#12     emptied      paper',
      '#12     disputed     item id-0 went to the wrong place',
    ]);
  });

  it('writes faults, recoveries and dropped events', () => {
    const { json, levels, text } = linesOf((observer) => {
      observer.health('gate', { code: 'gate-failed', message: 'line gone' });
      observer.health('gate', null);
      observer.dropped(3);
    });
    assert.deepEqual(json, [
      { part: 'gate', code: 'gate-failed', message: 'line gone', msg: 'gate: gate-failed: line gone' },
      { part: 'gate', msg: 'gate: recovered' },
      { dropped: 3, msg: 'outbox was full, unsent events dropped' },
    ]);
    assert.deepEqual(levels, [40, 30, 50]);
    assert.equal(text[2], 'outbox full (journal.maxOutbox): 3 unsent events dropped so far');
  });

  it('leaves the lines of other parts unchanged on a terminal', () => {
    const other = { level: 40, time: 1, path: '/run/socket', msg: 'control socket: not opened' };
    assert.deepEqual(toTerminal(other), other);
  });
});
