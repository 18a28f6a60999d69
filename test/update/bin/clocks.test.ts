import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { BUILT_AT_MS } from '../../../device/kit/root.js';
import { WallClock } from '../../support/faults/wall-clock.js';
import { writeVersion } from '../../support/update/bin/published.js';
import { UpdateBin } from '../../support/update/bin/update-bin.js';

const DAY_MS = 86_400_000;
/** A timestamp of this time has expired when the program is built. */
const EARLY_MS = BUILT_AT_MS - 10 * DAY_MS;

const useBin = (use: (bin: UpdateBin, clock: WallClock) => Promise<void>, nowMs?: number) =>
  UpdateBin.use({}, async (bin) => use(bin, await WallClock.make(bin.folder)), nowMs);

const publish = async (bin: UpdateBin, version: string, nowMs?: number) =>
  bin.repository.add(await writeVersion(join(bin.folder, version), version), nowMs);

const yearOf = (bin: UpdateBin): string => bin.items.at(-1)?.at.slice(0, 4) ?? '';

it('a bin whose clock says 1970 takes an update, but none that had expired when the program was built', () =>
  useBin(async (bin, clock) => {
    clock.set(DAY_MS);
    await publish(bin, '9.0.0', EARLY_MS);
    await bin.start(clock.environment);
    await bin.sortsOn(1);
    assert.equal(yearOf(bin), '1970');
    assert.equal((await bin.refuses()).code, 'update-metadata-expired');
    await publish(bin, '9.1.0', BUILT_AT_MS + DAY_MS);
    await bin.installs('9.1.0');
    assert.deepEqual(await bin.faults(), []);
    await bin.sortsOn();
    await bin.stop();
  }, EARLY_MS));

it('a bin whose clock says 2099 sorts without updates, and takes one as soon as the clock is right', () =>
  useBin(async (bin, clock) => {
    clock.set(Date.UTC(2099, 0, 1));
    await publish(bin, '9.0.0');
    await bin.start(clock.environment);
    await bin.sortsOn(1);
    assert.equal(yearOf(bin), '2099');
    const { code, message } = await bin.refuses();
    assert.equal(code, 'update-metadata-expired');
    assert.match(message, /expired at 2099-01-01T.* Check the clock of the bin\./);
    assert.deepEqual(await bin.faults(), [code]);
    await bin.sortsOn();

    clock.setRight();
    await bin.installs('9.0.0');
    assert.deepEqual(await bin.faults(), []);
    clock.set(Date.UTC(2099, 0, 1));
    assert.equal((await bin.task('check')).task?.fault?.code, 'update-metadata-expired');
    await bin.stop();
    await bin.start(clock.environment);
    assert.equal((await bin.status()).current.version, '9.0.0', 'the bundle stays');

    clock.setRight();
    await publish(bin, '9.1.0');
    await bin.installs('9.1.0');
    await bin.sortsOn();
    await bin.stop();
  }));
