import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  deliveryOf,
  parseTopic,
  printTopic,
  type Topic,
  TopicError,
} from '../../../device/network/mqtt/topic.js';

const base = { prefix: 'sortbin', bin: 'kitchen' };

const levels = fc.array(fc.stringMatching(/^[A-Za-z0-9_.ä-]{1,12}$/), { minLength: 1, maxLength: 4 });
const bases = fc.record({
  prefix: levels.map((parts) => parts.join('/')),
  bin: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
});
const names = fc.stringMatching(/^[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,9}){0,4}$/);
const plain = fc.constantFrom('availability', 'info', 'state', 'event', 'stats', 'frame');
const topics: fc.Arbitrary<Topic> = fc.oneof(
  plain.map((kind) => ({ kind })),
  names.map((code) => ({ kind: 'fault' as const, code })),
  fc.tuple(fc.constantFrom('request', 'response'), names).map(([kind, command]) => ({ kind, command })),
);

test('what is printed is parsed to the same', () => {
  fc.assert(
    fc.property(bases, topics, (at, topic) => {
      assert.deepEqual(parseTopic(at, printTopic(at, topic)), topic);
    }),
  );
});

test('whatever is asked for, nothing with a wildcard or an empty level is printed', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('a', '/', '+', '#', '-', '$') }),
  );
  fc.assert(
    fc.property(anything, anything, anything, (prefix, bin, code) => {
      let text: string;
      try {
        text = printTopic({ prefix, bin }, { kind: 'fault', code });
      } catch (error) {
        assert.ok(error instanceof TopicError);
        return;
      }
      assert.doesNotMatch(text, /[+#\0]|\/\/|^\/|\/$|^\$/);
    }),
  );
});

test('whatever is parsed is printed to the same text', () => {
  const texts = fc.array(fc.constantFrom('state', 'fault', 'request', 'gate-jammed', '', '+', 'x'), {
    maxLength: 3,
  });
  fc.assert(
    fc.property(texts, (parts) => {
      const text = ['sortbin', 'kitchen', ...parts].join('/');
      const topic = parseTopic(base, text);
      if (topic !== null) assert.equal(printTopic(base, topic), text);
    }),
  );
});

test('foreign topics mean nothing', () => {
  const foreign = [
    'sortbin/office/state',
    'other/kitchen/state',
    'sortbin/kitchen',
    'sortbin/kitchen/',
    'sortbin/kitchen/unheard-of',
    'sortbin/kitchen/state/more',
    'sortbin/kitchen/fault',
    'sortbin/kitchen/fault/',
    'sortbin/kitchen/fault/Gate Jammed',
    'sortbin/kitchen/request/open/now',
    'sortbin/kitchen/constructor',
    'xsortbin/kitchen/state',
  ];
  for (const text of foreign) assert.equal(parseTopic(base, text), null, text);
});

test('a refusal names what is wrong', () => {
  const codeOf = (act: () => unknown) => {
    try {
      act();
    } catch (error) {
      return error instanceof TopicError ? error.code : error;
    }
    return 'none';
  };
  const event: Topic = { kind: 'event' };
  for (const prefix of [
    '',
    '/a',
    'a/',
    'a//b',
    'a/+',
    '#',
    '$SYS',
    'a b',
    'a\0',
    '\ud800',
    'x'.repeat(201),
  ]) {
    assert.equal(
      codeOf(() => printTopic({ ...base, prefix }, event)),
      'prefix-invalid',
      JSON.stringify(prefix),
    );
  }
  for (const bin of ['', 'a/b', '+', 'küche', 'a b', 'x'.repeat(65)]) {
    assert.equal(
      codeOf(() => printTopic({ ...base, bin }, event)),
      'bin-invalid',
      JSON.stringify(bin),
    );
  }
  for (const command of ['', 'Open', '+', 'a/b', '-a', 'a--b', 'x'.repeat(65)]) {
    const topic: Topic = { kind: 'request', command };
    assert.equal(
      codeOf(() => printTopic(base, topic)),
      'topic-name-invalid',
      JSON.stringify(command),
    );
  }
});

test('only what describes the present is retained, and never a request', () => {
  const retained = (topic: Topic) => deliveryOf(topic).retain;
  for (const kind of ['availability', 'info', 'state'] as const) assert.ok(retained({ kind }));
  assert.ok(retained({ kind: 'fault', code: 'gate-jammed' }));
  for (const kind of ['event', 'stats', 'frame'] as const) assert.ok(!retained({ kind }));
  assert.ok(!retained({ kind: 'request', command: 'open' }));
  assert.ok(!retained({ kind: 'response', command: 'open' }));
  assert.equal(deliveryOf({ kind: 'event' }).qos, 1);
});
