import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fault } from '../../device/kit/errors.js';
import { HealthReporter } from '../../device/kit/health.js';

const gone = (detail: string): Fault => ({ code: 'line-gone', message: `"${detail}": unplugged`, detail });

test('reports each change of the fault once', () => {
  const reporter = new HealthReporter();
  const reported: (string | null)[] = [];
  reporter.onHealth((fault) => reported.push(fault?.message ?? null));
  for (const fault of [null, gone('lid'), gone('lid'), gone('gate-paper'), null, null]) reporter.set(fault);
  assert.deepEqual(reported, ['"lid": unplugged', '"gate-paper": unplugged', null]);
});

test('reports the present fault to a listener that comes later', () => {
  const reporter = new HealthReporter();
  reporter.set(gone('lid'));
  const reported: (string | undefined)[] = [];
  reporter.onHealth((fault) => reported.push(fault?.detail));
  assert.deepEqual(reported, ['lid']);
});
