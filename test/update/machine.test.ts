import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { step } from '../../device/update/machine.js';
import { initialState, MAX_REJECTED, type UpdateCommand } from '../../device/update/state.js';
import { restoreState } from '../../device/update/stored-state.js';
import { FACTORY, waste12 } from '../support/update/bundles.js';
import { aCatalogue, MachineTrial, published, SETTINGS, slotOf } from '../support/update/machine.js';

const install = (version: string, source: string | null = null) =>
  ({ name: 'install', bundle: published(version), source }) as const;
const activate = (version: string) => ({ name: 'activate', bundle: waste12(version) }) as const;

describe('an update by polling', () => {
  it('downloads, builds, checks, exchanges the model and watches, and stores each state first', () => {
    const trial = new MachineTrial().poll({ versions: ['1.1.0'] });
    assert.equal(trial.summary, 'downloading 1.1.0, current -, previous -');
    assert.deepEqual(trial.effectTypes, ['persist', 'download']);
    assert.deepEqual(trial.done().effectTypes, ['persist', 'build']);
    assert.deepEqual(trial.done().effectTypes, ['persist', 'report', 'check']);
    assert.equal(trial.summary, 'checking 1.1.0, current -, previous -');
    assert.deepEqual(trial.done().effectTypes, ['persist', 'swap']);
    assert.equal(trial.summary, 'activating 1.1.0, current -, previous -');
    assert.deepEqual(trial.done().effectTypes, ['persist', 'report', 'point']);
    assert.equal(trial.summary, 'watching, current 1.1.0, previous -');
    assert.equal(trial.items(5).summary, 'idle, current 1.1.0, previous -');
  });

  it('keeps the last trusted bundle as the previous one', () => {
    const trial = new MachineTrial().trusted('1.1.0').trusted('1.2.0');
    assert.equal(trial.summary, 'idle, current 1.2.0, previous 1.1.0');
    trial.poll({ versions: ['1.3.0'] }).finish();
    assert.equal(trial.summary, 'watching, current 1.3.0, previous 1.2.0');
    trial.poll({ versions: ['1.4.0'] }).finish();
    assert.equal(trial.summary, 'watching, current 1.4.0, previous 1.2.0', '1.3.0 was not trusted');
  });

  it('takes the newest version of its name, and only a newer one', () => {
    const choose = (...versions: string[]) => new MachineTrial().poll({ versions }).summary;
    assert.equal(choose('1.2.0', '1.10.0', '1.9.0'), 'downloading 1.10.0, current -, previous -');
    assert.equal(choose('1.1.0-rc.1', '1.1.0'), 'downloading 1.1.0, current -, previous -');
    assert.equal(choose('1.0.0', '0.9.0'), 'idle, current -, previous -');
    const trial = new MachineTrial().poll({ others: [{ ...published('9.0.0'), name: 'other' }] });
    assert.equal(trial.summary, 'idle, current -, previous -');
  });

  it('does not begin outside the allowed hours, on a pinned bin, for a halted rollout, or for a check', () => {
    const outside = new MachineTrial();
    outside.isAllowed = false;
    assert.equal(outside.poll({ versions: ['1.1.0'] }).state.phase.name, 'idle');
    const pinned = new MachineTrial().command({ name: 'pin' });
    assert.equal(pinned.poll({ versions: ['1.1.0'] }).state.phase.name, 'idle');
    assert.equal(new MachineTrial().poll({ versions: ['1.1.0'], isHalted: true }).state.phase.name, 'idle');
    const catalogue = aCatalogue({ versions: ['1.1.0'] });
    const check = new MachineTrial().take({ type: 'catalogue', catalogue, mayInstall: false });
    assert.equal(check.state.phase.name, 'idle');
  });

  it('is ready until the hours are allowed, and a halt stops it', () => {
    const trial = new MachineTrial()
      .poll({ versions: ['1.1.0'] })
      .done()
      .done();
    trial.isAllowed = false;
    assert.equal(trial.done().summary, 'ready 1.1.0, current -, previous -');
    assert.equal(trial.tick().summary, 'ready 1.1.0, current -, previous -');
    trial.isAllowed = true;
    trial.poll({ versions: ['1.1.0'], isHalted: true });
    assert.equal(trial.tick().summary, 'ready 1.1.0, current -, previous -');
    trial.poll({ versions: ['1.1.0'] });
    assert.equal(trial.tick().summary, 'activating 1.1.0, current -, previous -');
  });

  it('replaces a ready bundle by a newer one only', () => {
    const trial = new MachineTrial()
      .poll({ versions: ['1.1.0'] })
      .done()
      .done();
    trial.isAllowed = false;
    trial.done();
    trial.isAllowed = true;
    assert.equal(trial.poll({ versions: ['1.1.0'] }).state.phase.name, 'ready');
    assert.equal(trial.poll({ versions: ['1.2.0'] }).summary, 'downloading 1.2.0, current -, previous -');
  });

  it('is tried again by the next poll if the network or the disk failed', () => {
    for (const code of ['update-unreachable', 'update-no-space', 'update-file-invalid']) {
      const trial = new MachineTrial().poll({ versions: ['1.1.0'] }).fail(code, 'why');
      assert.equal(trial.summary, 'idle, current -, previous -');
      assert.deepEqual([trial.state.last?.event, trial.state.last?.code], ['failed', code]);
      assert.equal(trial.poll({ versions: ['1.1.0'] }).state.phase.name, 'downloading');
    }
  });

  it('ignores the late result of a job that was replaced', () => {
    const trial = new MachineTrial().poll({ versions: ['1.1.0'] });
    const op = trial.state.job?.op ?? -1;
    trial.command(install('1.2.0'));
    assert.deepEqual(trial.effectTypes, ['persist', 'abort', 'download', 'answer']);
    trial.take({ type: 'done', op });
    assert.deepEqual(trial.effects, []);
    assert.equal(trial.summary, 'downloading 1.2.0, current -, previous -');
  });
});

describe('the download of a poll', () => {
  const downloading = () => new MachineTrial().poll({ versions: ['1.1.0'] });

  it('goes on while its bundle is published, also beside a newer one', () => {
    for (const versions of [['1.1.0'], ['1.1.0', '1.2.0']])
      assert.equal(downloading().poll({ versions }).summary, 'downloading 1.1.0, current -, previous -');
  });

  it('ends when its bundle is halted, withdrawn, revoked, or published with other content', () => {
    const catalogues = [
      { versions: ['1.1.0'], isHalted: true },
      { versions: [] },
      { versions: ['1.1.0'], revoked: ['1.1.0'] },
      { versions: ['1.1.0'], by: 'another publisher' },
    ].map(aCatalogue);
    for (const catalogue of catalogues) {
      const trial = downloading().take({ type: 'catalogue', catalogue, mayInstall: false });
      assert.equal(trial.summary, 'idle, current -, previous -');
      assert.ok(trial.effectTypes.includes('abort'));
    }
    const replaced = downloading().poll({ versions: ['1.2.0'] });
    assert.equal(replaced.summary, 'downloading 1.2.0, current -, previous -');
  });

  it('ends with the allowed hours, but that of a person goes on', () => {
    const trial = downloading();
    trial.isAllowed = false;
    assert.equal(trial.tick().summary, 'idle, current -, previous -');
    assert.deepEqual(trial.effectTypes, ['persist', 'abort']);
    trial.command(install('1.1.0')).tick().poll({ versions: [] });
    assert.equal(trial.summary, 'downloading 1.1.0, current -, previous -');
  });
});

describe('a revocation during an exchange of the model', () => {
  it('is applied at the next start, before the model starts, if the program is killed', () => {
    const trial = new MachineTrial()
      .trusted('1.1.0')
      .trusted('1.2.0')
      .poll({ versions: ['1.3.0'] });
    while (trial.state.job?.kind !== 'swap') trial.done();
    trial.poll({ versions: ['1.3.0'], revoked: ['1.2.0'] });
    assert.equal(trial.summary, 'activating 1.3.0, current 1.2.0, previous 1.1.0');
    trial.restart();
    assert.equal(trial.summary, 'idle, current 1.1.0, previous -');
    assert.equal(trial.state.last?.code, 'update-revoked');
  });
});

describe('other content of the same id, from another publisher', () => {
  const other = (version: string) =>
    ({ name: 'install', bundle: published(version, 'another'), source: null }) as const;

  it('replaces a slot, whose trust, checks and rejection do not hold for it', () => {
    const trial = new MachineTrial().trusted('1.1.0').trusted('1.2.0').trusted('1.3.0');
    assert.equal(trial.command(other('1.1.0')).answer, null);
    assert.deepEqual(trial.state.trusted, [waste12('1.2.0'), waste12('1.3.0')]);
    assert.deepEqual(trial.finish().state.watch?.items, 0, 'under watch');
    trial.items(5, true).finish();
    assert.deepEqual(trial.rejected, ['waste12@1.1.0 update-runtime-faults']);
    trial.command({ name: 'activate', bundle: FACTORY }).finish();
    assert.equal(trial.poll({ versions: ['1.1.0'], by: 'another' }).state.phase.name, 'idle', 'rejected');
    assert.equal(trial.poll({ versions: ['1.1.0'] }).state.phase.name, 'downloading', 'another bundle');
    assert.deepEqual(trial.rejected, []);
  });

  it('replaces the previous bundle and one that is ready', () => {
    const trial = new MachineTrial().trusted('1.1.0').trusted('1.2.0');
    trial.command(activate('1.1.0')).finish();
    assert.equal(trial.summary, 'idle, current 1.1.0, previous 1.2.0');
    trial.poll({ versions: ['1.2.0'], by: 'another' });
    assert.equal(trial.summary, 'downloading 1.2.0, current 1.1.0, previous -');
    assert.deepEqual(trial.effectTypes, ['persist', 'point', 'download']);
    trial.done().done();
    trial.isAllowed = false;
    assert.equal(trial.done().state.phase.name, 'ready');
    trial.isAllowed = true;
    assert.equal(trial.poll({ versions: ['1.2.0'], by: 'another' }).state.phase.name, 'ready');
    assert.equal(trial.poll({ versions: ['1.2.0'] }).state.phase.name, 'downloading');
  });

  it('is refused while the bundle with this id is active, and for the factory bundle', () => {
    const trial = new MachineTrial().trusted('1.1.0');
    assert.equal(trial.command(install('1.1.0')).answer, null);
    assert.equal(trial.command(other('1.1.0')).answer, 'update-other-content');
    trial.command({ name: 'rollback' }).finish();
    assert.equal(trial.command(other('1.1.0')).answer, null);
    const factory = { ...FACTORY, manifestSha256: published(FACTORY.version).manifestSha256 };
    const settings = { ...SETTINGS, factory };
    const answerOf = (request: UpdateCommand) => {
      const moment = { atMs: 0, at: '2026-01-01T00:00:00Z', isAllowed: true };
      const { effects } = step(trial.state, { type: 'command', command: request, ...moment }, settings);
      return effects.find((effect) => effect.type === 'answer')?.fault?.code ?? null;
    };
    assert.equal(answerOf(other(FACTORY.version)), 'update-other-content');
    assert.equal(answerOf(install(FACTORY.version)), null);
  });
});

describe('a rejected bundle', () => {
  it('is remembered with its reason and time, and not polled again until the version changes', () => {
    const trial = new MachineTrial()
      .poll({ versions: ['1.1.0'] })
      .done()
      .done();
    trial.fail('check-golden', 'golden sample 3 differs');
    assert.deepEqual(trial.state.rejected, [
      {
        ...slotOf('1.1.0'),
        code: 'check-golden',
        reason: 'golden sample 3 differs',
        at: '2026-01-01T00:00:00Z',
      },
    ]);
    assert.equal(trial.poll({ versions: ['1.1.0'] }).state.phase.name, 'idle');
    assert.equal(
      trial.poll({ versions: ['1.1.0', '1.1.1'] }).summary,
      'downloading 1.1.1, current -, previous -',
    );
  });

  it('is tried again if a person says so', () => {
    const trial = new MachineTrial()
      .poll({ versions: ['1.1.0'] })
      .done()
      .done()
      .fail('check-golden');
    assert.equal(trial.command(activate('1.1.0')).summary, 'checking 1.1.0, current -, previous -');
    assert.deepEqual(trial.rejected, []);
    trial.fail('check-golden');
    assert.equal(trial.command(install('1.1.0')).answer, null);
    assert.equal(trial.summary, 'downloading 1.1.0, current -, previous -');
  });

  it('is not one whose check could only not run now', () => {
    const trial = new MachineTrial()
      .poll({ versions: ['1.1.0'] })
      .done()
      .done()
      .fail('check-postponed');
    assert.deepEqual([trial.summary, trial.rejected], ['idle, current -, previous -', []]);
  });

  it('leaves the present bundle active if the model cannot be exchanged', () => {
    const trial = new MachineTrial()
      .trusted('1.1.0')
      .poll({ versions: ['1.2.0'] })
      .done()
      .done()
      .done();
    trial.fail('no-runtime');
    assert.equal(trial.summary, 'idle, current 1.1.0, previous -');
    assert.deepEqual(trial.rejected, ['waste12@1.2.0 no-runtime']);
  });

  it('is not one that found another exchange running', () => {
    const trial = new MachineTrial()
      .poll({ versions: ['1.1.0'] })
      .done()
      .done()
      .done()
      .fail('model-busy');
    assert.deepEqual([trial.summary, trial.rejected], ['ready 1.1.0, current -, previous -', []]);
    assert.equal(trial.tick().finish().summary, 'watching, current 1.1.0, previous -');
  });

  it('is forgotten if 50 newer ones are known', () => {
    const trial = new MachineTrial();
    for (let patch = 1; patch <= MAX_REJECTED + 1; patch += 1)
      trial
        .poll({ versions: [`1.0.${patch}`] })
        .done()
        .done()
        .fail('check-golden');
    assert.equal(trial.rejected.length, MAX_REJECTED);
    assert.equal(trial.rejected[0], 'waste12@1.0.2 check-golden');
  });
});

describe('a bundle under watch', () => {
  it('is taken back after three runtime faults in a row, to the previous bundle', () => {
    const trial = new MachineTrial()
      .trusted('1.1.0')
      .poll({ versions: ['1.2.0'] })
      .finish();
    trial.items(2, true).items(1).items(2, true);
    assert.equal(trial.summary, 'watching, current 1.2.0, previous 1.1.0');
    trial.items(1, true);
    assert.deepEqual(trial.effectTypes, ['persist', 'report', 'point', 'swap']);
    assert.equal(trial.summary, 'activating 1.1.0, current 1.1.0, previous -');
    assert.equal(trial.done().summary, 'idle, current 1.1.0, previous -');
    assert.deepEqual(trial.rejected, ['waste12@1.2.0 update-runtime-faults']);
    assert.equal(trial.poll({ versions: ['1.2.0'] }).state.phase.name, 'idle');
  });

  it('is taken back after five runtime faults in all, if good items are between them', () => {
    const trial = new MachineTrial().poll({ versions: ['1.1.0'] }).finish();
    for (let fault = 0; fault < 4; fault += 1) trial.items(4).items(1, true);
    assert.equal(trial.items(4).summary, 'watching, current 1.1.0, previous -');
    assert.equal(trial.items(1, true).done().summary, 'idle, current -, previous -');
    assert.deepEqual(trial.rejected, ['waste12@1.1.0 update-runtime-faults']);
    assert.match(
      trial.state.rejected[0]?.reason ?? '',
      /5 items failed in the runtime before it was trusted/,
    );
  });

  it('is trusted after five items, or 30 minutes, without a fault', () => {
    const trial = new MachineTrial().poll({ versions: ['1.1.0'] }).finish();
    trial.items(4).items(1, true).items(4);
    assert.equal(trial.summary, 'watching, current 1.1.0, previous -');
    assert.equal(trial.items(1).summary, 'idle, current 1.1.0, previous -');

    const slow = new MachineTrial()
      .poll({ versions: ['1.1.0'] })
      .finish()
      .items(1);
    slow.tick(SETTINGS.healthyMs - 1);
    slow.items(1, true).items(1);
    assert.equal(slow.tick(SETTINGS.healthyMs - 1).summary, 'watching, current 1.1.0, previous -');
    assert.equal(slow.tick(1).summary, 'idle, current 1.1.0, previous -');
  });

  it('is taken back to the factory bundle if there is no previous one', () => {
    const trial = new MachineTrial()
      .poll({ versions: ['1.1.0'] })
      .finish()
      .items(3, true);
    assert.equal(trial.summary, 'activating factory, current -, previous -');
    assert.equal(trial.done().summary, 'idle, current -, previous -');
  });

  it('is taken back while another one is downloaded', () => {
    const trial = new MachineTrial()
      .poll({ versions: ['1.1.0'] })
      .finish()
      .poll({ versions: ['1.2.0'] });
    assert.deepEqual(trial.items(3, true).effectTypes, ['persist', 'report', 'point', 'abort', 'swap']);
    assert.equal(trial.summary, 'activating factory, current -, previous -');
  });

  it('is not judged by the items of another bundle, nor once it is trusted', () => {
    const trial = new MachineTrial().poll({ versions: ['1.1.0'] }).finish();
    for (let index = 0; index < 9; index += 1) trial.take({ type: 'item', bundle: FACTORY, isFault: true });
    assert.equal(trial.summary, 'watching, current 1.1.0, previous -');
    trial.items(5).items(9, true);
    assert.equal(trial.summary, 'idle, current 1.1.0, previous -');
  });

  it('is trusted after 30 minutes with at least one good item', () => {
    const trial = new MachineTrial()
      .poll({ versions: ['1.1.0'] })
      .finish()
      .items(1);
    assert.equal(trial.tick(SETTINGS.healthyMs - 1).summary, 'watching, current 1.1.0, previous -');
    assert.equal(trial.tick(1).summary, 'idle, current 1.1.0, previous -');
    assert.deepEqual(trial.state.trusted, [waste12('1.1.0')]);
  });

  it('is not trusted by time alone, but a start counts as healthy then', () => {
    const trial = new MachineTrial().poll({ versions: ['1.1.0'] }).finish();
    for (let start = 0; start < 9; start += 1) trial.restart().tick(SETTINGS.healthyMs);
    assert.equal(trial.summary, 'watching, current 1.1.0, previous -');
    assert.equal(trial.items(3, true).done().summary, 'idle, current -, previous -');
  });

  it('is taken back at the start after three starts that did not become healthy', () => {
    const trial = new MachineTrial()
      .trusted('1.1.0')
      .poll({ versions: ['1.2.0'] })
      .finish();
    for (let start = 0; start < 3; start += 1)
      assert.equal(trial.restart().summary, 'watching, current 1.2.0, previous 1.1.0');
    assert.equal(trial.restart().summary, 'idle, current 1.1.0, previous -');
    assert.ok(!trial.effectTypes.includes('swap'), 'the model is not started yet');
    assert.deepEqual(trial.rejected, ['waste12@1.2.0 update-crash-loop']);
  });

  it('is not blamed for an orderly end of the program', () => {
    const trial = new MachineTrial().poll({ versions: ['1.1.0'] }).finish();
    for (let start = 0; start < 9; start += 1) trial.take({ type: 'stop' }).restart();
    assert.equal(trial.summary, 'watching, current 1.1.0, previous -');
  });

  it('goes to the factory bundle if the previous one cannot be loaded, and tries that again at each tick', () => {
    const trial = new MachineTrial()
      .trusted('1.1.0')
      .poll({ versions: ['1.2.0'] })
      .finish()
      .items(3, true);
    assert.equal(trial.fail('bundle-damaged').summary, 'activating factory, current -, previous -');
    trial.fail('no-runtime');
    assert.deepEqual([trial.summary, trial.state.job], ['activating factory, current -, previous -', null]);
    assert.equal(trial.tick().finish().summary, 'idle, current -, previous -');
  });
});

describe('a revocation', () => {
  const three = () => new MachineTrial().trusted('1.1.0').trusted('1.2.0').trusted('1.3.0');

  it('takes the bin to the newest trusted version that is not revoked', () => {
    const trial = three().poll({ revoked: ['1.3.0', '1.2.0'] });
    assert.equal(trial.summary, 'activating 1.1.0, current 1.1.0, previous -');
    assert.equal(trial.state.last?.reason, 'waste12@1.3.0 is revoked: harmful');
    assert.equal(trial.done().summary, 'idle, current 1.1.0, previous -');
  });

  it('takes the bin to the factory bundle if nothing else is left, also outside the allowed hours', () => {
    const trial = three();
    trial.isAllowed = false;
    trial.poll({ revoked: ['1.1.0', '1.2.0', '1.3.0'] });
    assert.equal(trial.finish().summary, 'idle, current -, previous -');
  });

  it('takes a pinned bin back too, which stays pinned', () => {
    const trial = three()
      .command({ name: 'pin' })
      .poll({ versions: ['1.4.0'], revoked: ['1.3.0'] })
      .finish();
    assert.equal(trial.summary, 'idle, current 1.2.0, previous -');
    assert.equal(trial.state.isPinned, true);
  });

  it('is followed by the update to a newer version in the same catalogue at the next poll', () => {
    const trial = three()
      .poll({ versions: ['1.4.0'], revoked: ['1.3.0'] })
      .finish();
    assert.equal(trial.summary, 'idle, current 1.2.0, previous -');
    trial.poll({ versions: ['1.3.0', '1.4.0'], revoked: ['1.3.0'] }).finish();
    assert.equal(trial.summary, 'watching, current 1.4.0, previous 1.2.0');
  });

  it('does not choose a slot that was never healthy here', () => {
    const trial = three()
      .poll({ versions: ['1.2.5'] })
      .command(install('1.2.5'))
      .done()
      .done()
      .fail('check-postponed');
    assert.equal(trial.poll({ revoked: ['1.3.0'] }).summary, 'activating 1.2.0, current 1.2.0, previous -');
  });

  it('ends a download, a check or the wait of that version, and drops a previous bundle', () => {
    const trial = new MachineTrial().poll({ versions: ['1.1.0'] });
    trial.poll({ revoked: ['1.1.0'] });
    assert.deepEqual(trial.effectTypes, ['persist', 'abort', 'report']);
    assert.equal(trial.summary, 'idle, current -, previous -');
    const dropped = three().poll({ revoked: ['1.2.0'] });
    assert.equal(dropped.summary, 'idle, current 1.3.0, previous -');
    assert.deepEqual(dropped.effectTypes, ['persist', 'point']);
  });

  it('that arrives while the model is exchanged is applied at its end', () => {
    const forward = new MachineTrial()
      .trusted('1.1.0')
      .poll({ versions: ['1.2.0'] })
      .done()
      .done()
      .done();
    assert.equal(forward.poll({ revoked: ['1.2.0'] }).summary, 'activating 1.2.0, current 1.1.0, previous -');
    assert.equal(forward.done().summary, 'activating 1.1.0, current 1.1.0, previous -');
    const failing = new MachineTrial()
      .trusted('1.1.0')
      .poll({ versions: ['1.2.0'] })
      .done()
      .done()
      .done();
    failing.poll({ revoked: ['1.1.0'] }).fail('no-runtime');
    assert.equal(failing.finish().summary, 'idle, current -, previous -');
  });

  it('is refused to a person too, until it is withdrawn', () => {
    const trial = three().poll({ revoked: ['1.2.0', '1.4.0'] });
    assert.equal(trial.command(activate('1.2.0')).answer, 'update-revoked');
    assert.equal(trial.command(install('1.4.0')).answer, 'update-revoked');
    trial.poll({ versions: ['1.4.0'] });
    assert.equal(trial.summary, 'downloading 1.4.0, current 1.3.0, previous -');
  });
});

describe('a command', () => {
  it('installs an older version, also outside the allowed hours and for a halted rollout', () => {
    const trial = new MachineTrial().trusted('1.2.0').poll({ isHalted: true });
    trial.isAllowed = false;
    trial.command(install('1.1.0', '/media/usb')).finish();
    assert.equal(trial.summary, 'watching, current 1.1.0, previous 1.2.0');
  });

  it('rolls back to the previous bundle, which polling does not undo', () => {
    const trial = new MachineTrial().trusted('1.1.0').trusted('1.2.0').command({ name: 'rollback' });
    assert.equal(trial.answer, null);
    assert.equal(trial.finish().summary, 'idle, current 1.1.0, previous -');
    assert.deepEqual(trial.rejected, ['waste12@1.2.0 update-rolled-back']);
    assert.equal(trial.poll({ versions: ['1.2.0'] }).state.phase.name, 'idle');
    assert.equal(trial.command({ name: 'rollback' }).finish().summary, 'idle, current -, previous -');
    assert.equal(trial.command({ name: 'rollback' }).answer, 'update-no-previous');
    assert.equal(trial.command(activate('1.2.0')).finish().summary, 'watching, current 1.2.0, previous -');
  });

  it('activates an installed bundle after its checks, or the factory bundle without', () => {
    const trial = new MachineTrial().trusted('1.1.0').trusted('1.2.0');
    assert.equal(trial.command(activate('1.1.0')).summary, 'checking 1.1.0, current 1.2.0, previous 1.1.0');
    assert.equal(trial.finish().summary, 'idle, current 1.1.0, previous 1.2.0', 'it was trusted before');
    assert.equal(
      trial.command(activate('1.0.0')).summary,
      'activating factory, current 1.1.0, previous 1.2.0',
    );
    assert.equal(trial.finish().summary, 'idle, current -, previous 1.1.0');
    assert.equal(trial.command(activate('1.7.0')).answer, 'update-not-installed');
  });

  it('changes nothing if that bundle is active', () => {
    const trial = new MachineTrial().trusted('1.1.0').command(activate('1.1.0'));
    assert.deepEqual([trial.answer, trial.state.phase.name], [null, 'idle']);
    assert.deepEqual(trial.command(install('1.1.0')).effectTypes, ['answer']);
    assert.deepEqual(new MachineTrial().command(activate('1.0.0')).effectTypes, ['answer']);
  });

  it('installs on a pinned bin, and waits there for activate or unpin', () => {
    const pinned = () =>
      new MachineTrial().trusted('1.1.0').command({ name: 'pin' }).command(install('1.2.0')).finish();
    assert.equal(pinned().tick().summary, 'ready 1.2.0, current 1.1.0, previous -');
    const trial = pinned().command(activate('1.2.0'));
    assert.equal(trial.summary, 'activating 1.2.0, current 1.1.0, previous -');
    assert.equal(trial.finish().state.isPinned, true);
    assert.equal(
      pinned().command({ name: 'unpin' }).tick().finish().summary,
      'watching, current 1.2.0, previous 1.1.0',
    );
  });

  it('is refused while the model is exchanged, except pin and unpin', () => {
    const trial = new MachineTrial()
      .poll({ versions: ['1.1.0'] })
      .done()
      .done()
      .done();
    for (const command of [install('1.2.0'), activate('1.2.0'), { name: 'rollback' } as const])
      assert.equal(trial.command(command).answer, 'update-busy');
    assert.equal(trial.command({ name: 'pin' }).answer, null);
    assert.equal(trial.summary, 'activating 1.1.0, current -, previous -');
  });
});

describe('a start', () => {
  it('forgets an update that was not finished, and the next poll continues it', () => {
    for (const jobs of [0, 1, 2, 3]) {
      const trial = new MachineTrial().poll({ versions: ['1.1.0'] });
      for (let done = 0; done < jobs; done += 1) trial.done();
      trial.state = restoreState(JSON.parse(JSON.stringify(trial.state)));
      assert.equal(
        trial.restart({ installed: jobs > 1 ? ['1.1.0'] : [] }).summary,
        'idle, current -, previous -',
      );
      assert.equal(
        trial.poll({ versions: ['1.1.0'] }).finish().summary,
        'watching, current 1.1.0, previous -',
      );
    }
  });

  it('brings the store to the pointers of the state', () => {
    const trial = new MachineTrial().trusted('1.1.0').trusted('1.2.0');
    const restarted = new MachineTrial(trial.state);
    restarted.restart({ current: '1.1.0', previous: '1.1.0', installed: ['1.1.0', '1.2.0'] });
    assert.deepEqual(restarted.effectTypes, ['persist', 'point']);
    const again = new MachineTrial(restarted.state);
    assert.equal(again.summary, 'idle, current -, previous -', 'no slot exists');
  });

  it('without a state takes what the store shows, and watches it', () => {
    const trial = new MachineTrial();
    trial.state = initialState;
    trial.restart({ current: '1.2.0', previous: '1.1.0', installed: ['1.1.0', '1.2.0'] });
    assert.equal(trial.summary, 'watching, current 1.2.0, previous 1.1.0');
    assert.equal(trial.items(3, true).done().summary, 'idle, current 1.1.0, previous -');
  });

  it('leaves a slot that does not exist any more', () => {
    const trial = new MachineTrial()
      .trusted('1.1.0')
      .trusted('1.2.0')
      .restart({ installed: ['1.1.0'] });
    assert.equal(trial.summary, 'idle, current 1.1.0, previous -');
    assert.equal(trial.state.last?.code, 'update-slot-missing');
  });

  it('keeps a ready bundle', () => {
    const trial = new MachineTrial().command({ name: 'pin' }).command(install('1.1.0')).finish();
    trial.state = restoreState(JSON.parse(JSON.stringify(trial.state)));
    assert.equal(trial.restart({ installed: ['1.1.0'] }).summary, 'ready 1.1.0, current -, previous -');
    assert.equal(trial.restart({ installed: [] }).summary, 'idle, current -, previous -');
  });

  it('rejects a bundle that ends the program three times while it is checked or activated', () => {
    for (const jobs of [2, 3]) {
      const trial = new MachineTrial();
      for (let start = 0; start < 3; start += 1) {
        trial.poll({ versions: ['1.1.0'] });
        for (let done = 0; done < jobs; done += 1) trial.done();
        trial.restart({ installed: ['1.1.0'] });
      }
      trial
        .poll({ versions: ['1.1.0'] })
        .done()
        .done();
      assert.deepEqual(
        [trial.summary, trial.rejected],
        ['idle, current -, previous -', ['waste12@1.1.0 update-interrupted']],
      );
    }
  });

  it('does not count an orderly end during a check', () => {
    const trial = new MachineTrial();
    for (let start = 0; start < 9; start += 1)
      trial
        .poll({ versions: ['1.1.0'] })
        .done()
        .done()
        .take({ type: 'stop' })
        .restart({ installed: ['1.1.0'] });
    assert.deepEqual(trial.rejected, []);
  });

  it('rejects a bundle whose model did not start, once another one runs', () => {
    const trial = new MachineTrial().trusted('1.1.0').trusted('1.2.0');
    const failures = [
      { bundle: waste12('1.2.0'), fault: { code: 'no-runtime', message: 'no usable runtime' } },
    ];
    trial.take({ type: 'started', bundle: waste12('1.1.0'), failures });
    assert.deepEqual(trial.effectTypes, ['persist', 'report', 'point']);
    assert.equal(trial.summary, 'idle, current 1.1.0, previous -');
    assert.deepEqual(trial.rejected, ['waste12@1.2.0 no-runtime']);
  });

  it('removes a damaged slot, and the next poll installs it again', () => {
    const trial = new MachineTrial().trusted('1.1.0').trusted('1.2.0');
    const failures = [{ bundle: waste12('1.2.0'), fault: { code: 'bundle-damaged', message: 'sha256' } }];
    trial.take({ type: 'started', bundle: waste12('1.1.0'), failures });
    assert.deepEqual(trial.effects.at(-1), { type: 'remove', bundles: [waste12('1.2.0')] });
    assert.deepEqual(trial.rejected, []);
    assert.equal(
      trial.poll({ versions: ['1.2.0'] }).finish().summary,
      'watching, current 1.2.0, previous 1.1.0',
    );
  });
});

describe('the slots', () => {
  it('are at most four: the oldest ones leave, but never the current and the previous one', () => {
    const trial = new MachineTrial();
    for (const version of ['1.1.0', '1.2.0', '1.3.0', '1.4.0']) trial.trusted(version);
    assert.ok(!trial.effectTypes.includes('remove'));
    trial.trusted('1.5.0');
    assert.deepEqual(trial.effects.at(-1), { type: 'remove', bundles: [waste12('1.1.0')] });
    trial.command(activate('1.2.0')).finish();
    trial.trusted('1.6.0');
    assert.deepEqual(trial.effects.at(-1), { type: 'remove', bundles: [waste12('1.3.0')] });
  });
});

describe('the stored state', () => {
  it('is read again, with keys that a newer version added', () => {
    const { state } = new MachineTrial()
      .trusted('1.1.0')
      .poll({ versions: ['1.2.0'], revoked: ['0.9.0'] })
      .done()
      .done()
      .fail('check-golden');
    const stored = JSON.parse(JSON.stringify({ ...state, added: 1, last: { ...state.last, added: 1 } }));
    const { installed: _, job: __, nextOp: ___, ...expected } = state;
    const { installed, job, nextOp, ...restored } = restoreState(stored);
    assert.deepEqual(restored, expected);
    assert.deepEqual([installed, job, nextOp], [[], null, 1]);
  });

  it('keeps the rest if a newer version was in a phase that is not known', () => {
    const { state } = new MachineTrial().trusted('1.1.0');
    const restored = restoreState({ ...state, phase: { name: 'probation', bundle: waste12('1.2.0') } });
    assert.deepEqual([restored.phase, restored.current], [{ name: 'idle' }, waste12('1.1.0')]);
  });

  it('becomes the initial one if it is damaged or unknown', () => {
    const { state } = new MachineTrial().trusted('1.1.0');
    const damaged = [
      null,
      undefined,
      'text',
      [],
      {},
      { ...state, schema: 2 },
      { ...state, current: { name: '../..', version: '1.0.0' } },
      { ...state, starts: -1 },
    ];
    for (const stored of damaged) assert.deepEqual(restoreState(stored), initialState);
  });

  it('drops single entries that do not fit, and keeps the rest', () => {
    const { state } = new MachineTrial().trusted('1.1.0').poll({ versions: ['1.2.0'], revoked: ['0.9.0'] });
    const bad = { ...waste12('1.4.0+edgetpu'), code: 'x', reason: 'y', at: 'z' };
    const { revoked, trusted } = restoreState({
      ...state,
      revoked: [bad, ...state.revoked],
      trusted: [bad, ...state.trusted],
    });
    assert.deepEqual([revoked, trusted], [state.revoked, state.trusted]);
  });

  it('keeps the pin, rejections, revocations and halts if another part is damaged, and reports that', () => {
    const { state } = new MachineTrial()
      .trusted('1.1.0')
      .poll({ versions: ['1.2.0'], revoked: ['0.9.0'] })
      .done()
      .done()
      .fail('check-golden');
    const problems: string[] = [];
    const stored = { ...state, isPinned: true, halted: ['waste12'], starts: -1 };
    const { rejected, revoked } = state;
    assert.deepEqual(
      restoreState(stored, (problem) => problems.push(problem)),
      { ...initialState, isPinned: true, halted: ['waste12'], rejected, revoked },
    );
    assert.equal(rejected.length + revoked.length, 2);
    assert.match(problems.join(), /starts/);
    restoreState(null, () => problems.push('none is no damage'));
    assert.equal(problems.length, 1);
  });
});
