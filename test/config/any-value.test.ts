import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseConfig } from '../../device/config/load.js';
import { ConfigError } from '../../device/config/problems.js';
import { configSchema } from '../../device/config/schema.js';

const keys = Object.keys(configSchema.shape);
const innerKeys = [
  'driver',
  'script',
  'url',
  'password',
  'compartments',
  'refuse',
  'backoff',
  'frames',
  'fault',
];

/** JSON that is valid now and then: known keys with any values. */
const nearlyConfig = fc.dictionary(
  fc.constantFrom(...keys),
  fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.dictionary(
      fc.oneof(fc.constantFrom(...innerKeys), fc.string()),
      fc.oneof(fc.constantFrom('simulated', 'child'), fc.jsonValue({ maxDepth: 3 })),
    ),
  ),
);

test('parses any JSON value, or throws a ConfigError with a path on each line', () => {
  fc.assert(
    fc.property(fc.oneof(nearlyConfig, fc.jsonValue()), (value) => {
      try {
        parseConfig(JSON.stringify(value), 'any');
      } catch (error) {
        assert.ok(error instanceof ConfigError, String(error));
        assert.ok(error.problems.length > 0);
        for (const line of error.message.split('\n')) assert.match(line, /^any(:\d+)?: (the file|[^ ].*): ./);
        for (const problem of error.problems)
          assert.ok(problem.message.startsWith(problem.path || 'the file'));
      }
    }),
    { numRuns: 500 },
  );
});

test('parses any text, or throws a ConfigError', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 200 }),
    fc
      .array(
        fc.constantFrom(
          'a',
          ':',
          ' ',
          '\n',
          '-',
          '?',
          '[',
          ']',
          '{',
          '}',
          '&a',
          '*a',
          '!',
          '"',
          "'",
          '|',
          '#',
          ',',
        ),
        {
          maxLength: 60,
        },
      )
      .map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (written) => {
      try {
        parseConfig(written, 'any');
      } catch (error) {
        assert.ok(error instanceof ConfigError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});

test('parses a parsed configuration, written as JSON, to the same configuration', () => {
  fc.assert(
    fc.property(nearlyConfig, (value) => {
      const parsed = configSchema.safeParse(value);
      if (parsed.success) assert.deepEqual(parseConfig(JSON.stringify(parsed.data), 'any'), parsed.data);
    }),
  );
});
