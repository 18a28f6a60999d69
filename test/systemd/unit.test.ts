import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { packageRoot } from '../../device/kit/root.js';

const UNIT = join(packageRoot(), 'systemd', 'sortbin.service');

/** The highest exposure that `systemd-analyze security` may report, of 10. */
const MAX_EXPOSURE = 1.5;

/** `--offline` was added in systemd 250. */
const version = Number(
  /^systemd (\d+)/.exec(spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1],
);
const skip = version >= 250 ? false : 'this machine has no systemd-analyze, or one without --offline';

it('has an exposure of at most 1.5, and no setting that systemd does not know', { skip }, () => {
  const args = ['security', '--offline=true', '--no-pager', UNIT];
  const { stdout, stderr } = spawnSync('systemd-analyze', args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  const exposure = /Overall exposure level for sortbin\.service: (\d+\.\d+)/.exec(stdout)?.[1];
  assert.ok(Number(exposure) <= MAX_EXPOSURE, `exposure ${exposure}\n${stdout}`);
  assert.equal(stderr, '');
});

it('keeps the start limit off, and does not restart after errors that a restart cannot cure', () => {
  const sections = readFileSync(UNIT, 'utf8').split(/^(?=\[)/m);
  const settingsOf = (name: string) => sections.find((section) => section.startsWith(`[${name}]`)) ?? '';
  assert.match(settingsOf('Unit'), /^StartLimitIntervalSec=0$/m);
  assert.match(settingsOf('Service'), /^Restart=always$/m);
  assert.match(settingsOf('Service'), /^RestartPreventExitStatus=64 65 78$/m);
});
