import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { summaryOf } from '../../../device/daemon/update-summary.js';
import { localTime } from '../../../device/tools/cli/local-time.js';
import { updateRows } from '../../../device/tools/cli/update-rows.js';
import type { UpdateStatus } from '../../../device/update/status.js';
import { waste12 } from '../../support/update/bundles.js';
import { someStatus } from '../../support/update/status.js';

const AT = '2026-01-02T10:00:00.000Z';
const NEW = waste12('1.1.0');

const rowsOf = (status: Partial<UpdateStatus>, hasRepository = true) =>
  updateRows(summaryOf(someStatus(status), hasRepository)).map(
    ({ name, status, text }) => `${status} ${name}: ${text}`,
  );

describe('the state of updates for people', () => {
  it('is not shown if updates are not configured, and have never been used', () => {
    assert.deepEqual(rowsOf({}, false), []);
    const last = { event: 'activated', bundle: NEW, code: null, reason: null, at: AT } as const;
    assert.deepEqual(rowsOf({ current: NEW, isFactory: false, last }, false), ['ok model: waste12@1.1.0']);
  });

  it('names the active bundle, and when the repository was checked', () => {
    assert.deepEqual(rowsOf({}), [
      'ok model: waste12@1.0.0, factory bundle',
      'ok repository: not checked since the start',
    ]);
    const status = { phase: 'watching', current: NEW, isFactory: false, isPinned: true } as const;
    assert.deepEqual(rowsOf({ ...status, checkedAtMs: Date.parse(AT) }), [
      'ok model: waste12@1.1.0, under watch, pinned',
      `ok repository: last checked ${localTime(AT)}`,
    ]);
  });

  it('shows what is done with a bundle', () => {
    const workOf = (status: Partial<UpdateStatus>) => rowsOf({ candidate: NEW, ...status })[1];
    const progress = { bytes: 1_290_000, totalBytes: 3_000_000 };
    assert.equal(
      workOf({ phase: 'downloading', progress }),
      'ok update: downloading waste12@1.1.0, 43 % of 3.0 MB',
    );
    assert.equal(
      workOf({ phase: 'downloading', progress: { bytes: 0, totalBytes: 0 } }),
      'ok update: downloading waste12@1.1.0, 100 % of 0.0 kB',
    );
    assert.equal(workOf({ phase: 'checking' }), 'ok update: checking waste12@1.1.0');
    assert.equal(
      workOf({ phase: 'ready', isPinned: true }),
      'ok update: waste12@1.1.0 is ready, and waits for sortbin model activate waste12@1.1.0',
    );
    assert.equal(
      workOf({ phase: 'ready' }),
      'ok update: waste12@1.1.0 is ready, and waits for its activation',
    );
  });

  it('shows the newest rejection, and the last return or failure', () => {
    const rejected = ['1.2.0', '1.3.0'].map((version) => ({
      manifestSha256: null,
      ...waste12(version),
      ...{ code: 'check-golden', reason: 'sample 3 differs', at: AT },
    }));
    const last = {
      event: 'returned',
      bundle: null,
      code: 'update-revoked',
      reason: 'harmful',
      at: AT,
    } as const;
    assert.deepEqual(rowsOf({ rejected, last }).slice(1, 3), [
      `note rejected: waste12@1.3.0, ${localTime(AT)}, check-golden: sample 3 differs`,
      `note returned: waste12@1.0.0, ${localTime(AT)}, update-revoked: harmful`,
    ]);
    const failed = {
      ...last,
      event: 'failed',
      bundle: NEW,
      code: 'update-too-slow',
      reason: 'slow',
    } as const;
    assert.equal(
      rowsOf({ last: failed })[1],
      `note failed: waste12@1.1.0, ${localTime(AT)}, update-too-slow: slow`,
    );
  });
});
