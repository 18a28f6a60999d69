import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { deliveryOf, printTopic, TopicError } from '../../../device/network/mqtt/topic.js';

const base = { prefix: 'sortbin', bin: 'kitchen' };

test('prints no wildcard and no empty level, for any prefix and bin id', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('a', '/', '+', '#', '-', '$') }),
  );
  fc.assert(
    fc.property(anything, anything, (prefix, bin) => {
      let text: string;
      try {
        text = printTopic({ prefix, bin }, 'event');
      } catch (error) {
        assert.ok(error instanceof TopicError);
        return;
      }
      assert.doesNotMatch(text, /[+#\0]|\/\/|^\/|\/$|^\$/);
    }),
  );
});

test('refuses a prefix or a bin id that is not allowed, each with its own code', () => {
  const codeOf = (act: () => unknown) => {
    try {
      act();
    } catch (error) {
      return error instanceof TopicError ? error.code : error;
    }
    return 'none';
  };
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
      codeOf(() => printTopic({ ...base, prefix }, 'event')),
      'prefix-invalid',
      JSON.stringify(prefix),
    );
  }
  for (const bin of ['', 'a/b', '+', 'küche', 'a b', 'x'.repeat(65)]) {
    assert.equal(
      codeOf(() => printTopic({ ...base, bin }, 'event')),
      'bin-invalid',
      JSON.stringify(bin),
    );
  }
});

test('retains availability, info and state, but no event', () => {
  const topics = ['availability', 'info', 'state', 'event'] as const;
  assert.deepEqual(
    topics.map((topic) => [printTopic(base, topic), deliveryOf(topic)]),
    [
      ['sortbin/kitchen/availability', { qos: 1, retain: true }],
      ['sortbin/kitchen/info', { qos: 1, retain: true }],
      ['sortbin/kitchen/state', { qos: 1, retain: true }],
      ['sortbin/kitchen/event', { qos: 1, retain: false }],
    ],
  );
});
