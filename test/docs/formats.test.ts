import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { z } from 'zod';
import { eventSchema } from '../../device/cycle/event.js';
import { packageRoot } from '../../device/kit/root.js';
import { faultMessageSchema, raisedMessage } from '../../device/status/fault-message.js';
import { MODES } from '../../device/status/mode.js';
import { stateMessageSchema } from '../../device/status/state-message.js';
import { statsMessageSchema } from '../../device/status/stats-message.js';

const page = readFileSync(join(packageRoot(), 'docs/formats.md'), 'utf8');
const sectionOf = (title: string): string =>
  page.split(/^## /m).find((section) => section.startsWith(`${title}\n`)) ?? assert.fail(title);
const exampleOf = (title: string): unknown => {
  const [, json] = /```json\n([\s\S]*?)```/.exec(sectionOf(title)) ?? assert.fail(title);
  return JSON.parse(json ?? '');
};

const SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  Event: eventSchema,
  State: stateMessageSchema,
  Fault: faultMessageSchema,
  Statistics: statsMessageSchema,
};

describe('the messages in docs/formats.md', () => {
  for (const [title, schema] of Object.entries(SCHEMAS))
    it(`${title}: the example fits the schema, without other keys`, () => {
      const example = exampleOf(title);
      assert.deepEqual(schema.parse(example), example);
    });

  it('explain a fault as the table of faults does', () => {
    const { code, since, parts } = faultMessageSchema.parse(exampleOf('Fault'));
    assert.deepEqual(exampleOf('Fault'), raisedMessage(code, { since, parts }));
  });

  it('name all modes', () => {
    const documented = [...sectionOf('State').matchAll(/^\| `([a-z]+)` +\| [A-Z]/gm)].map(([, mode]) => mode);
    assert.deepEqual(documented, [...MODES]);
  });
});
