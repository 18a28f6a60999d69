import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { BUILT_AT_MS, packageRoot } from '../../device/kit/root.js';

const RELEASE = /^## \[?\d+\.\d+\.\d+\S* - (\d{4}-\d\d-\d\d)$/;

/** Returns why `BUILT_AT_MS` does not fit a changelog, or null. */
const problemOf = (changelog: string, builtAtMs: number): string | null => {
  const headings = changelog.split('\n').filter((line) => /^## /.test(line) && line !== '## Unreleased');
  for (const heading of headings) {
    const date = RELEASE.exec(heading)?.[1];
    if (date === undefined) return `${heading}: not of the form "## 1.2.3 - 2026-01-31"`;
    if (Date.parse(date) > builtAtMs) return `${heading}: later than BUILT_AT_MS in device/kit/root.ts`;
  }
  return null;
};

describe('the time of the build', () => {
  it('is not before the release that the changelog names', () => {
    const changelog = readFileSync(join(packageRoot(), 'CHANGELOG.md'), 'utf8');
    assert.equal(problemOf(changelog, BUILT_AT_MS), null);
  });

  it('is not in the future, which would stop updates', () => {
    assert.ok(BUILT_AT_MS <= Date.now(), new Date(BUILT_AT_MS).toISOString());
  });

  it('is found too early if it was not moved forward with a release', () => {
    const builtAtMs = Date.UTC(2026, 0, 31);
    const changelog = (...headings: string[]) => ['# Changelog', '## Unreleased', ...headings].join('\n');
    assert.equal(problemOf(changelog('## [0.2.0] - 2026-01-31', '## 0.1.0 - 2025-06-01'), builtAtMs), null);
    assert.match(`${problemOf(changelog('## 0.3.0 - 2026-02-01'), builtAtMs)}`, /0\.3\.0.*later than/);
    assert.match(`${problemOf(changelog('## 0.3.0'), builtAtMs)}`, /not of the form/);
  });
});
