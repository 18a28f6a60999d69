import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { localTime } from '../../../device/tools/cli/local-time.js';
import { detailsOf } from '../../../device/tools/cli/model-list.js';
import type { BundleEntry } from '../../../device/update/status.js';
import { waste12 } from '../../support/update/bundles.js';

const AT = '2026-01-02T10:00:00.000Z';
const TIME = localTime(AT);

const entry = (version: string, replaced: Partial<BundleEntry>): BundleEntry => ({
  ...waste12(version),
  ...{ isCurrent: false, isPrevious: false, isFactory: false, isInstalled: true, isPublished: true },
  ...{
    hasOtherContent: false,
    isTrusted: true,
    bytes: 5,
    installedAt: AT,
    rejection: null,
    revoked: null,
    checked: null,
  },
  ...replaced,
});

const rowsOf = (list: Partial<Parameters<typeof detailsOf>[0]>) =>
  detailsOf({ bundles: [], unusable: [], fault: null, last: null, ...list }).map(
    ({ name, text }) => `${name}: ${text}`,
  );

describe('the details of the list of bundles', () => {
  it('are empty if there is nothing to state', () => {
    assert.deepEqual(rowsOf({ bundles: [entry('1.0.0', {})] }), []);
  });

  it('name what was checked of the active bundle, with the time of an item', () => {
    const runtimes = [
      { title: 'tflite (LiteRT)', itemMs: 22.4, reason: null },
      { title: 'tfjs-wasm', itemMs: null, reason: 'needs 300 MB' },
    ];
    const checked = { at: AT, runtimes };
    const bundles = [entry('1.1.0', { isCurrent: true, checked }), entry('1.0.0', { checked })];
    assert.deepEqual(rowsOf({ bundles }), [
      `waste12@1.1.0: checked ${TIME}: signature, files, labels and routes, memory\n` +
        'tflite (LiteRT): golden samples passed, 22 ms an item\n' +
        'tfjs-wasm: not usable on this machine: needs 300 MB',
    ]);
  });

  it('name the reasons of what is rejected, revoked, failed or not usable, and the fault', () => {
    const rejection = {
      ...waste12('1.2.0'),
      manifestSha256: null,
      code: 'check-golden',
      reason: 'sample 3 differs',
      at: AT,
    };
    const bundle = waste12('1.1.0');
    const last = { event: 'failed', bundle, code: 'update-too-slow', reason: 'slow', at: AT } as const;
    const rows = rowsOf({
      bundles: [
        entry('1.2.0', { rejection }),
        entry('1.1.0', { revoked: { reason: 'harmful', at: AT } }),
        entry('1.0.0', {}),
      ],
      unusable: [{ path: 'waste12/1.3.0+linux', reason: 'not a semantic version' }],
      fault: { code: 'update-metadata-invalid', message: 'targets: wrong signature' },
      last,
    });
    assert.deepEqual(rows, [
      'fault: update-metadata-invalid: targets: wrong signature',
      `waste12@1.2.0: rejected ${TIME}, check-golden: sample 3 differs`,
      `waste12@1.1.0: revoked ${TIME}: harmful`,
      `waste12@1.1.0: the last attempt failed ${TIME}, update-too-slow: slow`,
      'waste12/1.3.0+linux: published, but not usable: not a semantic version',
    ]);
  });
});
