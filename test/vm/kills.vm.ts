import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { percentiles } from '../../device/tools/bench/report.js';
import { sortbinIoPath } from '../support/hardware/sortbin-io.js';
import { until } from '../support/until.js';
import { LABEL, LEASE_MS, NAMES } from './guest/bin-lines.js';
import { GpioSim, outputsPersist } from './guest/gpio-sim.js';
import { Holding } from './guest/holding.js';
import { type Reading, Sampling } from './guest/sample.js';

/** Number of runs of each kind. The seed sets the time of each kill. */
const KILLS = Number(process.env.KILLS ?? 3);
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);

const DEADLINE_MS = 60_000;
const PULSE_MS = 800;
/** Latest time of a kill after the start of a pulse, while the pulse is still on. */
const LATEST_IN_PULSE_MS = 300;
const BLOCK_MS = 10_000;
/** Duration of the block in the fourth and later runs. The line is off before the block ends. */
const SHORT_BLOCK_MS = 2_500;
/** Some of the signals that end sortbin-io. */
const ENDING_SIGNALS = ['SIGQUIT', 'SIGALRM', 'SIGUSR1'] as const;
/** The daemon exits within this time, which closes the pipe. */
const STOP_MS = 1_800;
/** Extra time for two busy cores and the emulation, in addition to the gaps of the sampling. */
const SLACK_MS = 100;

interface Kind {
  readonly command: string;
  /** Latest time of the event after the line went on. */
  readonly latestMs: number;
  /** Time from the event until the line must be off. */
  readonly limitMs: number;
  /** What turns the line off. */
  readonly cause: string;
  /** Causes the event. Returns the start of the limit if that is later than the event. */
  readonly trigger: (holding: Holding, run: number) => Promise<bigint | undefined>;
  /** Makes the holder ready for the next run. Returns null if it has exited. */
  readonly recover: (holding: Holding) => Promise<Holding | null>;
}

const held = { command: 'hold', latestMs: LEASE_MS };
const kill = (signal: NodeJS.Signals) => async (daemon: Holding) => {
  daemon.kill(signal);
  return undefined;
};
const ended = async (holding: Holding) => {
  await holding.ended();
  return null;
};

describe(`the line after a kill (KILLS=${KILLS} SEED=${SEED})`, {
  timeout: (KILLS + 1) * 10 * DEADLINE_MS,
}, () => {
  let sim: GpioSim;
  let folder: string;
  let outputsFile: string;
  let holding: Holding | null = null;
  before(async () => {
    sim = GpioSim.create(LABEL, NAMES);
    folder = await mkdtemp(join(tmpdir(), 'kills-'));
    outputsFile = join(folder, 'outputs.txt');
  });
  afterEach(async () => {
    await holding?.end();
    holding = null;
    await until('no process holds the gate', () => !sim.info('gate').used, DEADLINE_MS);
  });
  after(async () => {
    sim.remove();
    await rm(folder, { recursive: true });
  });

  const safe = (): void => {
    const { status, stderr } = spawnSync(sortbinIoPath(), ['--safe', outputsFile], { encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, '']);
  };

  const kinds: Record<string, Kind> = {
    'SIGKILL of the daemon': {
      ...held,
      limitMs: LEASE_MS,
      cause: 'the end of its pipe, before the end of the lease',
      trigger: kill('SIGKILL'),
      recover: ended,
    },
    'SIGSTOP of the daemon': {
      ...held,
      limitMs: LEASE_MS,
      cause: 'the end of the lease',
      trigger: kill('SIGSTOP'),
      recover: async (daemon) => {
        daemon.kill('SIGCONT');
        await daemon.waitFor('off lease');
        return daemon;
      },
    },
    'SIGSTOP of the daemon in a pulse': {
      command: `pulse ${PULSE_MS}`,
      latestMs: LATEST_IN_PULSE_MS,
      limitMs: PULSE_MS,
      cause: 'the end of the pulse',
      trigger: kill('SIGSTOP'),
      recover: async (daemon) => {
        daemon.kill('SIGCONT');
        await daemon.waitFor('off time');
        return daemon;
      },
    },
    'event loop blocked for 10 s': {
      ...held,
      limitMs: LEASE_MS,
      cause: 'the end of the lease',
      trigger: async (daemon, run) => {
        daemon.send(`block ${run < 3 ? BLOCK_MS : SHORT_BLOCK_MS}`);
        return undefined;
      },
      recover: async (daemon) => {
        await daemon.waitFor('free');
        await daemon.waitFor('off lease');
        return daemon;
      },
    },
    'SIGTERM of the daemon': {
      ...held,
      limitMs: STOP_MS,
      cause: 'the stop of the daemon',
      trigger: kill('SIGTERM'),
      recover: async (daemon) => {
        assert.equal(await daemon.ended(), 0);
        return null;
      },
    },
    'SIGKILL of sortbin-io alone': {
      ...held,
      limitMs: LEASE_MS,
      cause: 'a new sortbin-io, which the daemon starts',
      trigger: async (daemon) => {
        process.kill(daemon.ioPid, 'SIGKILL');
        return undefined;
      },
      recover: async (daemon) => {
        for (const line of ['down', 'off down', 'up']) await daemon.waitFor(line);
        return daemon;
      },
    },
    'signal to sortbin-io alone': {
      ...held,
      limitMs: LEASE_MS,
      cause: 'sortbin-io, before it exits',
      trigger: async (daemon, run) => {
        process.kill(daemon.ioPid, ENDING_SIGNALS[run % ENDING_SIGNALS.length]);
        return undefined;
      },
      recover: async (daemon) => {
        for (const line of ['off command', 'down', 'up']) await daemon.waitFor(line);
        return daemon;
      },
    },
    'SIGKILL of both, then sortbin-io --safe': {
      ...held,
      limitMs: 0,
      cause: 'sortbin-io --safe',
      trigger: async (daemon) => {
        process.kill(daemon.ioPid, 'SIGKILL');
        await daemon.end();
        await until('the kernel has released the line', () => !sim.info('gate').used, DEADLINE_MS);
        // On a kernel that keeps the level of a released output, the line is still on.
        assert.equal(sim.value('gate'), outputsPersist() ? 1 : 0);
        safe();
        return process.hrtime.bigint();
      },
      recover: ended,
    },
  };

  for (const [what, kind] of Object.entries(kinds))
    it(`${what}: the line is turned off by ${kind.cause}`, async (context) => {
      const sampling = await Sampling.start(sim.valueFile('gate'), { forMs: 24 * 3_600_000 });
      const toOffMs: number[] = [];
      const lateMs: number[] = [];
      const moments = fc.sample(fc.noBias(fc.integer({ min: 0, max: kind.latestMs })), {
        seed: SEED,
        numRuns: KILLS,
      });
      for (const [run, momentMs] of moments.entries()) {
        holding ??= await Holding.start({ outputsFile });
        const from = sampling.readings.length;
        const newReadings = (): readonly Reading[] => sampling.readings.slice(from);
        holding.send(kind.command);
        await until('the line is on', () => newReadings().length > 0, DEADLINE_MS);
        await wait(momentMs);
        assert.equal(newReadings().length, 1, 'the line is on at the event');
        const atNs = process.hrtime.bigint();
        const doneNs = await kind.trigger(holding, run);
        await until('the line is off', () => newReadings().length > 1, DEADLINE_MS);
        const offNs = newReadings()[1]?.atNs ?? 0n;
        toOffMs.push(Number(offNs - atNs) / 1e6);
        lateMs.push(Number(offNs - (doneNs ?? atNs)) / 1e6 - kind.limitMs);
        holding = await kind.recover(holding);
        assert.deepEqual(
          newReadings().map(({ value }) => value),
          ['1', '0'],
          'once on, once off',
        );
      }
      const { longestGapMs } = await sampling.stop();
      const { p50, p99 } = percentiles(toOffMs);
      const figures = [p50, p99, Math.max(...toOffMs)].map((ms) => ms.toFixed(1)).join(' / ');
      const limit = kind.limitMs > 0 ? `${kind.limitMs} ms` : 'its end';
      context.diagnostic(
        `${what} (${KILLS}, limit: ${limit}): p50 / p99 / max ${figures} ms, longest sampling gap ${longestGapMs.toFixed(1)} ms`,
      );
      assert.ok(Math.max(...lateMs) <= SLACK_MS + longestGapMs, `late by ${Math.max(...lateMs)} ms`);
    });
});
