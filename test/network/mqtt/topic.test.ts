import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  matchesFilter,
  printFilter,
  printTopic,
  printUnreservedTopic,
  type Topic,
  TopicError,
} from '../../../device/network/mqtt/topic.js';

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

test('prints relative topics below the bin, and absolute ones unchanged', () => {
  assert.equal(printTopic(base, 'fault/camera'), 'sortbin/kitchen/fault/camera');
  const absolute = 'homeassistant/device/kitchen/config';
  assert.equal(printTopic(base, { absolute }), absolute);
  assert.equal(printTopic(base, { absolute: '/a b//c' }), '/a b//c');
  assert.equal(printFilter(base, 'request/+'), 'sortbin/kitchen/request/+');
  for (const filter of ['#', '+', '+/a/#', 'a/+/b'])
    assert.equal(printFilter(base, { absolute: filter }), filter);
});

test('refuses a topic or a filter that is not allowed, and names it', () => {
  const refuses = (print: typeof printTopic, topic: Topic) =>
    assert.throws(
      () => print(base, topic),
      (error: unknown) =>
        error instanceof TopicError &&
        error.code === 'topic-invalid' &&
        error.message.startsWith(
          `topic ${JSON.stringify(typeof topic === 'string' ? topic : topic.absolute)}: `,
        ),
    );
  const never = ['', 'a\0', 'a\n', '\ud800', 'x'.repeat(501)];
  const relative = [...never, '/a', 'a/', 'a//b', 'a b'];
  const absolute = [...never, '$SYS/a', '$share/group/a'];
  const wildcards = ['+', '#', 'a/+', 'a/#', 'a+', 'a#/b'];
  for (const topic of [...relative, ...wildcards]) refuses(printTopic, topic);
  for (const topic of [...absolute, ...wildcards]) refuses(printTopic, { absolute: topic });
  for (const filter of ['a+', '+a/b', '#/a', 'a/#/b', 'a#', 'a/##']) {
    refuses(printFilter, filter);
    refuses(printFilter, { absolute: filter });
  }
  for (const filter of relative) refuses(printFilter, filter);
  for (const filter of absolute) refuses(printFilter, { absolute: filter });
});

test('refuses to send on availability and event of the bin, also by their absolute names', () => {
  for (const topic of ['availability', 'event', { absolute: 'sortbin/kitchen/event' }])
    assert.throws(
      () => printUnreservedTopic(base, topic),
      (error: unknown) => error instanceof TopicError && error.code === 'topic-reserved',
    );
  assert.equal(printUnreservedTopic(base, 'event/x'), 'sortbin/kitchen/event/x');
  const absolute = 'sortbin/other/event';
  assert.equal(printUnreservedTopic(base, { absolute }), absolute);
});

test('matches topics and filters as MQTT defines it', () => {
  for (const [filter, topic] of [
    ['a/b', 'a/b'],
    ['a/+', 'a/b'],
    ['a/+', 'a/'],
    ['+/b', '/b'],
    ['a/#', 'a/b/c'],
    ['a/#', 'a'],
    ['#', 'a/b'],
    ['$SYS/#', '$SYS/a'],
  ] as const)
    assert.ok(matchesFilter(filter, topic), `${filter} ${topic}`);
  for (const [filter, topic] of [
    ['a/b', 'a/c'],
    ['a/b', 'a/b/c'],
    ['a/b/c', 'a/b'],
    ['a/+', 'a'],
    ['a/+', 'a/b/c'],
    ['a/b', 'A/b'],
    ['#', '$SYS/a'],
    ['+/a', '$SYS/a'],
  ] as const)
    assert.ok(!matchesFilter(filter, topic), `${filter} ${topic}`);
});

test('matches the same topics as a regular expression, for any filter', () => {
  const levels = fc.array(fc.constantFrom('a', 'b', ''), { minLength: 1, maxLength: 4 });
  const filters = fc.tuple(
    fc.array(fc.constantFrom('a', 'b', '', '+'), { minLength: 1, maxLength: 4 }),
    fc.boolean(),
  );
  fc.assert(
    fc.property(filters, levels, ([wanted, hasRest], topic) => {
      const pattern = wanted.map((level) => (level === '+' ? '[^/]*' : level)).join('/');
      const expected = new RegExp(`^${pattern}${hasRest ? '(/.*)?' : ''}$`).test(topic.join('/'));
      assert.equal(
        matchesFilter([...wanted, ...(hasRest ? ['#'] : [])].join('/'), topic.join('/')),
        expected,
      );
    }),
  );
});
