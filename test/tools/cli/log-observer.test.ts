import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import type { BinEvent } from '../../../device/cycle/event.js';
import type { Journalled, ServedModel } from '../../../device/cycle/observer.js';
import type { Outcome } from '../../../device/cycle/state.js';
import { type LogRecord, toTerminal } from '../../../device/tools/cli/log.js';
import { LogObserver } from '../../../device/tools/cli/log-observer.js';
import { somePolicy } from '../../support/cycle.js';
import { anEvent } from '../../support/event.js';

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

const served = (info = active): ServedModel => ({
  info,
  labels: ['paper', 'trash'],
  policy: somePolicy(),
  purity: 0.99,
});

const event = anEvent();

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
      { confidence: 0.74, margin: 0.66, purity: 0.99, msg: 'policy loaded' },
      { skipped: skipped[0], msg: 'runtime skipped' },
      {
        requestedPort: 1883,
        port: 40123,
        msg: 'requested port was in use, embedded broker selected another port',
      },
      { url: 'mqtt://127.0.0.1:40123', embedded: true, msg: 'broker selected' },
      {
        topics: [
          ...['availability', 'info', 'update', 'state', 'fault/+', 'event', 'stats', 'image', 'response/+'],
        ].map((topic) => `sortbin/hall/${topic}`),
        msg: 'topics assigned',
      },
      { command, msg: 'watch command available' },
      { path: '/data/journal.db', msg: 'journal opened' },
    ]);
    assert.deepEqual(levels, [30, 30, 30, 40, 30, 30, 30, 30]);
    assert.deepEqual(text, [
      'model    waste12 1.3.0, tflite (LiteRT): xnnpack-2.9, 2 threads',
      'policy   confidence 0.74 and margin 0.66 decide (validation: 99 % right)',
      '         skipped edgetpu: no accelerator',
      'port 1883 is in use by another program: the broker listens on 40123',
      'broker   mqtt://127.0.0.1:40123 (embedded)',
      'topics   sortbin/hall/availability, info, update, state, fault/+, event, stats, image, response/+',
      `watch    ${command}`,
      'journal  /data/journal.db',
    ]);
  });

  it('names the threshold that decides alone', () => {
    const policyLine = (confidence: number, margin: number) =>
      linesOf((observer) =>
        observer.served({ ...served(), policy: { ...somePolicy(), confidence, margin }, purity: null }),
      ).text[1];
    assert.equal(policyLine(0.6, 0.9), 'policy   confidence 0.6 and margin 0.9: policy.margin alone decides');
    assert.equal(
      policyLine(0.98, 0.9),
      'policy   confidence 0.98 and margin 0.9: policy.confidence alone decides',
    );
  });

  it('logs no line for a runtime whose hardware this machine does not have', () => {
    const lines: string[] = [];
    const log = pino({ base: null }, { write: (line: string) => lines.push(JSON.parse(line).msg) });
    new LogObserver(log, ['edgetpu']).served(served(active));
    assert.deepEqual(lines, ['runtime activated', 'policy loaded']);
  });

  it('gives no watch command for an external broker', () => {
    const { json, text } = linesOf((observer) => {
      observer.served({ ...served({ ...active, skipped: [] }), purity: null });
      observer.addresses({
        url: 'mqtts://broker.example:8883',
        embedded: null,
        topics: 'a/b',
        journal: 'j',
      });
    });
    assert.deepEqual(json[2], {
      url: 'mqtts://broker.example:8883',
      embedded: false,
      msg: 'broker selected',
    });
    assert.equal(text[1], 'policy   confidence 0.74 and margin 0.66 decide');
    assert.equal(text[2], 'broker   mqtts://broker.example:8883');
    assert.deepEqual(
      json.map(({ msg }) => msg),
      ['runtime activated', 'policy loaded', 'broker selected', 'topics assigned', 'journal opened'],
    );
  });

  it('writes an item as fields in JSON, and as one line of at most 71 characters on a terminal', () => {
    const outcomes: readonly [Journalled, string, string][] = [
      [
        journalled('sorted', {}, 'paper/paper18.jpg'),
        'item sorted',
        '#12    paper 0.98 -> paper                       48 ms  paper18.jpg',
      ],
      [
        journalled('sorted', { seq: 123456 }, 'paper/a-name-that-would-not-fit-in-80-columns.jpg'),
        'item sorted',
        '#123456 paper 0.98 -> paper                       48 ms  …0-columns.jpg',
      ],
      [
        journalled('refused', {
          decision: { compartment: null, label: 'battery', confidence: 0.99, reason: 'hazard' },
          timingsMs: { total: 48 },
        }),
        'item refused',
        '#12    refused: battery 0.99, hazard             48 ms',
      ],
      [
        journalled('ignored', { decision: null, count: 3, timingsMs: {} }),
        'triggers ignored',
        '#12    ignored: 3 triggers while busy',
      ],
      [
        journalled('failed', { decision: null, fault: { code: 'gate-failed', message: '' }, timingsMs: {} }),
        'item failed',
        '#12    failed: gate-failed                        0 ms',
      ],
      [
        journalled('interrupted', { decision: null, fault: { code: 'stopped', message: '' }, timingsMs: {} }),
        'item interrupted',
        '#12    interrupted: stopped                       0 ms',
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

  it('colours only the items that need attention', () => {
    const colours = (outcome: Outcome, changes: Partial<BinEvent> = {}) => {
      const { event: item } = journalled(outcome, changes);
      const messages = { sorted: 'item sorted', failed: 'item failed' } as Record<string, string>;
      return toTerminal({ level: 30, time: 0, msg: messages[outcome] ?? '', item }).colour;
    };
    const unsure = {
      compartment: 'residual',
      label: 'paper',
      confidence: 0.5,
      reason: 'low-confidence',
    } as const;
    assert.deepEqual(
      [colours('sorted'), colours('sorted', { decision: unsure }), colours('failed')],
      [undefined, 'yellow', 'red'],
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
    assert.deepEqual(text, ['#12    emptied: paper', '#12    wrong: item id-0']);
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

  it('writes a higher number of undeliverable events at most once a minute, and the first ones not at all', () => {
    const lines: Record<string, unknown>[] = [];
    let nowMs = 0;
    const log = pino({ base: null }, { write: (line) => lines.push(JSON.parse(line)) });
    const observer = new LogObserver(log, [], { monotonicMs: () => nowMs });
    for (const [atMs, count] of [
      [0, 1],
      [500, 2],
      [59_999, 63],
      [60_000, 63],
      [61_000, 64],
      [120_000, 64],
    ] as const) {
      nowMs = atMs;
      observer.undeliverable(count);
    }
    for (const count of [64, 0, 1]) observer.undeliverable(count);
    assert.deepEqual(
      lines.map(({ undeliverable }) => undeliverable),
      [63, 64],
    );
  });

  it('leaves the lines of other parts unchanged on a terminal', () => {
    const other = { level: 40, time: 1, path: '/run/socket', msg: 'control socket: not opened' };
    assert.deepEqual(toTerminal(other), other);
  });
});
