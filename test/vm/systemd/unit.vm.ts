import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { packageRoot } from '../../../device/kit/root.js';
import { until } from '../../support/until.js';
import { GpioSim } from '../guest/gpio-sim.js';
import { InstalledBin, run } from '../guest/installed-bin.js';
import { Sampling } from '../guest/sample.js';

const DEADLINE_MS = 120_000;
const LINES = ['sensor', 'glass'];
/** The Debian package that is installed. Empty: the built project is. */
const DEB = process.env.SORTBIN_DEB ?? '';
/** Longer than any limit below, so that the end of the pulse is not what turns the line off. */
const ON_MS = 60_000;
/** The limits in emulation, where everything takes 5 to 20 times as long. A line without lease is off after 1 s. */
const LIMITS_MS = { lease: 5_000, stopPost: 40_000 };

const at = (line: string) => `chip: service, offset: ${LINES.indexOf(line)}`;
const CONFIG = `
dataDir: /var/lib/sortbin
mqtt: { embedded: { port: 0 } }
vision: { driver: simulated, script: [{ label: green-glass }] }
camera: { driver: simulated, delayMs: 100 }
lines: { answerMs: 10000 }
cycle: { captureMs: 20000, recordMs: 20000, levelMs: 20000, moveMs: 100000 }
trigger: { driver: line, input: { ${at('sensor')}, debounceMs: 0 }, minGapMs: 300 }
gate:
  driver: lines
  compartments:
    glass: { output: { ${at('glass')}, maxOnMs: ${ON_MS + 5_000}, minOffMs: 0 }, onMs: ${ON_MS}, settleMs: 0 }
  passive: [paper, packaging, residual]
`;

/** Failed runs in a row, as `sortbin-crash-delay` counts them. */
const crashes = () => Number(readFileSync('/run/sortbin/crashes', 'utf8'));

describe('the service', { timeout: 30 * DEADLINE_MS }, () => {
  let bin: InstalledBin;
  let sim: GpioSim;
  before(() => {
    sim = GpioSim.create('service', LINES);
    bin = InstalledBin.install(CONFIG);
  });
  after(async () => {
    await bin?.stop();
    sim?.remove();
  });

  /** Lets the bin move its gate, and causes `event`. Returns the time from the event until the line is off. */
  const msUntilOff = async (event: () => unknown): Promise<number> => {
    await bin.untilActive();
    const sampling = await Sampling.start(sim.valueFile('glass'), { forMs: 2 * DEADLINE_MS });
    const isOn = () => sampling.readings.at(-1)?.value === '1';
    sim.pull('sensor', 'up');
    await until(() => `the line is on\n${bin.log(20)}`, isOn, DEADLINE_MS);
    sim.pull('sensor', 'down');
    const eventNs = process.hrtime.bigint();
    await event();
    await until(
      () => `the line is off\n${bin.log(20)}`,
      () => !isOn(),
      DEADLINE_MS,
    );
    const { readings } = await sampling.stop();
    return Number((readings.at(-1)?.atNs ?? 0n) - eventNs) / 1e6;
  };

  const check = (t: TestContext, what: string, ms: number, limitMs: number) => {
    t.diagnostic(`${what}: the line is off after ${Math.round(ms)} ms`);
    assert.ok(ms <= limitMs, `${what}: ${ms} ms, limit ${limitMs} ms`);
  };

  it('is ready when the bin accepts items, and shows what the bin does', async (t) => {
    const ms = await bin.start();
    t.diagnostic(`start to READY=1: ${Math.round(ms)} ms in emulation`);
    await bin.untilState(
      'a status',
      () => bin.property('StatusText') === 'Cycle: idle. No item yet. No faults.',
    );
    assert.equal(bin.processes('sortbin-notify').length, 1);
  });

  it('continues after SIGKILL of sortbin-notify, with a new one', async () => {
    const [notifier = 0] = bin.processes('sortbin-notify');
    const { mainPid } = bin;
    process.kill(notifier, 'SIGKILL');
    await bin.untilState('a new notifier', () => {
      const [now] = bin.processes('sortbin-notify');
      return now !== undefined && now !== notifier;
    });
    // Longer than WatchdogSec=: the new one gives the signs of life.
    await wait(40_000);
    assert.equal(bin.mainPid, mainPid);
    assert.equal(bin.property('ActiveState'), 'active');
  });

  it('turns the line off after SIGKILL of sortbin-io', async (t) => {
    const { mainPid } = bin;
    const [io = 0] = bin.processes('sortbin-io');
    const ms = await msUntilOff(() => process.kill(io, 'SIGKILL'));
    check(t, 'SIGKILL of sortbin-io', ms, LIMITS_MS.lease);
    assert.equal(bin.mainPid, mainPid);
    await bin.untilState('idle', () => bin.property('StatusText').startsWith('Cycle: idle.'));
  });

  it('turns the line off after SIGKILL of the daemon, and starts again', async (t) => {
    const { mainPid } = bin;
    check(
      t,
      'SIGKILL of the daemon',
      await msUntilOff(() => process.kill(mainPid, 'SIGKILL')),
      LIMITS_MS.lease,
    );
    await bin.untilActive(mainPid);
    assert.equal(crashes(), 1, bin.log(60));
  });

  it('turns the line off by ExecStopPost= after SIGKILL of all processes', async (t) => {
    const { mainPid } = bin;
    const kill = () => bin.systemctl('kill', '--signal=KILL', '--kill-who=all', 'sortbin');
    check(t, 'SIGKILL of all processes', await msUntilOff(kill), LIMITS_MS.stopPost);
    await bin.untilActive(mainPid);
  });

  it('ends a daemon that hangs by the watchdog, with the line off long before', async (t) => {
    const { mainPid } = bin;
    check(
      t,
      'SIGSTOP of the daemon',
      await msUntilOff(() => process.kill(mainPid, 'SIGSTOP')),
      LIMITS_MS.lease,
    );
    await bin.untilActive(mainPid);
    assert.match(bin.log(200), /Watchdog timeout/);
    assert.equal(crashes(), 3, bin.log(60));
  });

  it('delays the start after three crashes, and starts all the same', async () => {
    const { mainPid } = bin;
    process.kill(mainPid, 'SIGKILL');
    await bin.untilActive(mainPid);
    assert.match(bin.log(200), /failed 4 times in a row within 10 minutes\. The next start is in 30 s\./);
  });

  it('turns the line off at a restart while it sorts, records the item, and forgets the crashes', async (t) => {
    const { mainPid } = bin;
    const restart = () => bin.systemctl('restart', '--no-block', 'sortbin');
    check(t, 'systemctl restart', await msUntilOff(restart), LIMITS_MS.stopPost);
    await bin.untilActive(mainPid);
    assert.ok(!existsSync('/run/sortbin/crashes'));
    const events = run(
      'setpriv',
      '--reuid=sortbin',
      '--regid=sortbin',
      '--init-groups',
      'sortbin',
      'events',
      '--json',
      '-c',
      '/etc/sortbin/sortbin.yaml',
    );
    const outcomes = events.split('\n').map((line) => JSON.parse(line).outcome);
    assert.equal(outcomes.length, 5);
    assert.ok(outcomes.every((outcome) => ['interrupted', 'failed', 'sorted'].includes(outcome)));
  });

  it('is upgraded while it sorts', { skip: DEB === '' && 'SORTBIN_DEB names no package' }, async (t) => {
    const { mainPid } = bin;
    const dpkg: ChildProcess[] = [];
    const upgrade = () => dpkg.push(spawn('dpkg', ['--force-depends', '-i', DEB], { stdio: 'ignore' }));
    check(t, 'dpkg -i', await msUntilOff(upgrade), LIMITS_MS.stopPost);
    await until('the end of dpkg', () => dpkg[0]?.exitCode === 0, 3 * DEADLINE_MS);
    await bin.untilActive(mainPid);
  });

  it('lets systemd feed the watchdog of the machine, with the example file', () => {
    run('modprobe', 'softdog');
    const folder = '/etc/systemd/system.conf.d';
    mkdirSync(folder, { recursive: true });
    copyFileSync(join(packageRoot(), 'systemd/sortbin-watchdog.conf'), join(folder, 'sortbin-watchdog.conf'));
    bin.systemctl('daemon-reexec');
    assert.equal(bin.systemctl('show', '--value', '-p', 'RuntimeWatchdogUSec'), '14s');
    assert.equal(readFileSync('/sys/class/watchdog/watchdog0/state', 'utf8').trim(), 'active');
  });

  it('does not restart with a wrong configuration', async () => {
    await bin.stop();
    bin.configure('dataDir: /var/lib/sortbin\npolcy: {}\n');
    bin.systemctl('start', '--no-block', 'sortbin');
    await bin.untilState('failed', () => bin.property('ActiveState') === 'failed');
    assert.equal(bin.property('ExecMainStatus'), '78');
    await wait(10_000);
    assert.equal(bin.property('ActiveState'), 'failed');
    await bin.stop();
  });
});
