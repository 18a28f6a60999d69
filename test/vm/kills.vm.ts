import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { percentiles } from '../../device/tools/bench/report.js';
import { sortbinIoPath } from '../support/sortbin-io.js';
import { until } from '../support/until.js';
import { LABEL, LEASE_MS, NAMES } from './guest/bin-lines.js';
import { GpioSim, outputsPersist } from './guest/gpio-sim.js';
import { Holding } from './guest/holding.js';
import { type Reading, Sampling } from './guest/sample.js';

/** How often each is done; at what moments, the seed says. */
const KILLS = Number(process.env.KILLS ?? 3);
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);

const BOUND_MS = 60_000;
const PULSE_MS = 800;
/** A pulse is still on then. */
const LATEST_IN_PULSE_MS = 300;
const BLOCK_MS = 10_000;
/** Every one from the fourth on: what the line does is over by then. */
const SHORT_BLOCK_MS = 2_500;
/** The daemon ends by itself after this, and with it the pipe. */
const STOP_MS = 1_900;
/** What two busy cores and the emulation add to a bound, beside the gaps of the sampling. */
const SLACK_MS = 100;

interface Kind {
  readonly command: string;
  /** It happens this long after the line went on, at most. */
  readonly latestMs: number;
  /** From then on it is off after so long, and why. */
  readonly boundMs: number;
  readonly because: string;
  /** What happens. Where the bound is no time but something done, its moment comes back. */
  readonly happen: (holding: Holding, run: number) => Promise<bigint | undefined>;
  /** Has the holder ready for the next one; null: it is gone. */
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
  timeout: (KILLS + 1) * 10 * BOUND_MS,
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
    await until('nobody holds the gate', () => !sim.info('gate').used, BOUND_MS);
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
      boundMs: LEASE_MS,
      because: 'its pipe has ended, and the lease comes after that',
      happen: kill('SIGKILL'),
      recover: ended,
    },
    'SIGSTOP of the daemon': {
      ...held,
      boundMs: LEASE_MS,
      because: 'the lease',
      happen: kill('SIGSTOP'),
      recover: async (daemon) => {
        daemon.kill('SIGCONT');
        await daemon.says('off lease');
        return daemon;
      },
    },
    'SIGSTOP of the daemon in a pulse': {
      command: `pulse ${PULSE_MS}`,
      latestMs: LATEST_IN_PULSE_MS,
      boundMs: PULSE_MS,
      because: 'the time of the pulse',
      happen: kill('SIGSTOP'),
      recover: async (daemon) => {
        daemon.kill('SIGCONT');
        await daemon.says('off time');
        return daemon;
      },
    },
    'event loop blocked for 10 s': {
      ...held,
      boundMs: LEASE_MS,
      because: 'the lease',
      happen: async (daemon, run) => {
        daemon.tell(`block ${run < 3 ? BLOCK_MS : SHORT_BLOCK_MS}`);
        return undefined;
      },
      recover: async (daemon) => {
        await daemon.says('free');
        await daemon.says('off lease');
        return daemon;
      },
    },
    'SIGTERM of the daemon': {
      ...held,
      boundMs: STOP_MS,
      because: 'the stop of the daemon',
      happen: kill('SIGTERM'),
      recover: async (daemon) => {
        assert.equal(await daemon.ended(), 0);
        return null;
      },
    },
    'SIGKILL of sortbin-io alone': {
      ...held,
      boundMs: LEASE_MS,
      because: 'the daemon starts another one, which drives it off',
      happen: async (daemon) => {
        process.kill(daemon.ioPid, 'SIGKILL');
        return undefined;
      },
      recover: async (daemon) => {
        for (const words of ['down', 'off down', 'up']) await daemon.says(words);
        return daemon;
      },
    },
    'SIGKILL of both, then sortbin-io --safe': {
      ...held,
      boundMs: 0,
      because: '--safe has run',
      happen: async (daemon) => {
        process.kill(daemon.ioPid, 'SIGKILL');
        await daemon.end();
        await until('the kernel has closed the line', () => !sim.info('gate').used, BOUND_MS);
        // Unless the kernel lets go of what is released it is on still.
        assert.equal(sim.value('gate'), outputsPersist() ? 1 : 0);
        safe();
        return process.hrtime.bigint();
      },
      recover: ended,
    },
  };

  for (const [what, kind] of Object.entries(kinds))
    it(`${what}: off before this is over: ${kind.because}`, async (context) => {
      const sampling = await Sampling.start(sim.valueFile('gate'), { forMs: 24 * 3_600_000 });
      const toOffMs: number[] = [];
      const overMs: number[] = [];
      const moments = fc.sample(fc.noBias(fc.integer({ min: 0, max: kind.latestMs })), {
        seed: SEED,
        numRuns: KILLS,
      });
      for (const [run, momentMs] of moments.entries()) {
        holding ??= await Holding.start({ outputsFile });
        const from = sampling.readings.length;
        const seen = (): readonly Reading[] => sampling.readings.slice(from);
        holding.tell(kind.command);
        await until('the line is on', () => seen().length > 0, BOUND_MS);
        await wait(momentMs);
        assert.equal(seen().length, 1, 'the line is on when it happens');
        const atNs = process.hrtime.bigint();
        const doneNs = await kind.happen(holding, run);
        await until('the line is off', () => seen().length > 1, BOUND_MS);
        const offNs = seen()[1]?.atNs ?? 0n;
        toOffMs.push(Number(offNs - atNs) / 1e6);
        overMs.push(Number(offNs - (doneNs ?? atNs)) / 1e6 - kind.boundMs);
        holding = await kind.recover(holding);
        assert.deepEqual(
          seen().map(({ value }) => value),
          ['1', '0'],
          'once on, once off',
        );
      }
      const { longestGapMs } = await sampling.stop();
      const { p50, p99 } = percentiles(toOffMs);
      const figures = [p50, p99, Math.max(...toOffMs)].map((ms) => ms.toFixed(1)).join(' / ');
      const bound = kind.boundMs > 0 ? `${kind.boundMs} ms` : 'its end';
      context.diagnostic(
        `${what} (${KILLS}, bound: ${bound}): p50 / p99 / max ${figures} ms; sampled each ${longestGapMs.toFixed(1)} ms at the latest`,
      );
      assert.ok(Math.max(...overMs) <= SLACK_MS + longestGapMs, `late by ${Math.max(...overMs)} ms`);
    });
});
