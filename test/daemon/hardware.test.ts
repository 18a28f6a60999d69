import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BinEvent, eventSchema } from '../../device/cycle/event.js';
import { type CommandParts, LastDecided, makeCommands } from '../../device/daemon/commands.js';
import { GateLock } from '../../device/daemon/gate-lock.js';
import { HealthHub } from '../../device/daemon/health-hub.js';
import { Hold } from '../../device/daemon/hold.js';
import { ObserverList } from '../../device/daemon/observer-list.js';
import { OperatorPanel } from '../../device/daemon/operator-panel.js';
import { ServiceSwitch } from '../../device/daemon/service-switch.js';
import { SimulatedFill } from '../../device/hardware/fill/simulated-fill.js';
import type { Gate } from '../../device/hardware/gate/gate.js';
import { LockedGate } from '../../device/hardware/gate/locked-gate.js';
import { SimulatedGate } from '../../device/hardware/gate/simulated-gate.js';
import { SimulatedLines } from '../../device/hardware/lines/simulated/simulated-lines.js';
import { CommandTrigger } from '../../device/hardware/trigger/command-trigger.js';
import { EchoArbiter } from '../../device/hardware/trigger/echo-arbiter.js';
import { UltrasonicSensor } from '../../device/hardware/trigger/ultrasonic-sensor.js';
import { UltrasonicTrigger } from '../../device/hardware/trigger/ultrasonic-trigger.js';
import type { Journal } from '../../device/journal/journal.js';
import { SimulatedJournal } from '../../device/journal/simulated-journal.js';
import { done, failed } from '../../device/kit/errors.js';
import { newId } from '../../device/kit/ids.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { CommandRegistry } from '../../device/network/commands/registry.js';
import { Liveness } from '../../device/status/liveness.js';
import { machineReport } from '../../device/status/machine-report.js';
import { modeOf } from '../../device/status/mode.js';
import { Status } from '../../device/status/status.js';
import { makeBin, quiet } from '../support/bin.js';
import { somePolicy } from '../support/cycle.js';
import { FakeSonar } from '../support/hardware/fake-lines.js';
import { SimulatedPanel } from '../support/hardware/simulated-panel.js';

const AT = { line: 'GPIO5' };

/** A bin with an ultrasonic sensor, a panel, a fill sensor, a service switch and simulated lines, started and idle. */
const started = async ({
  isServiceOn = false,
  journal = new SimulatedJournal(),
}: {
  isServiceOn?: boolean;
  journal?: Journal;
} = {}) => {
  const clock = new SimulatedClock();
  const simulated = new SimulatedGate({ script: [], moveMs: 5, clock });
  const lid = { open: false };
  let homings = 0;
  const inner: Gate = {
    move: (compartment, signal) => simulated.move(compartment, signal),
    home: async (signal) => {
      homings += 1;
      return lid.open ? failed('gate-guarded', 'the lid is open') : simulated.home(signal);
    },
    safe: () => simulated.safe(),
  };
  const gate = new LockedGate(inner);
  const bin = makeBin({ read: async () => new Uint8Array(4), gate, clock, journal });
  const lines = new SimulatedLines({ clock });
  const service = await lines.input('service', { at: AT, bias: 'as-is', activeLow: false, debounceMs: 0 });
  assert.ok(service.ok);
  lines.set('service', isServiceOn);
  const panel = new SimulatedPanel(clock);
  const sonar = new FakeSonar(clock);
  const { trig, echo } = sonar;
  const echoArbiter = new EchoArbiter(clock);
  const sensor = new UltrasonicSensor({ trig, echo, temperatureC: 20, maxMm: 4_000, echoArbiter, clock });
  const trigger = new UltrasonicTrigger({ sensor, nearMm: 200, farMm: 260, everyMs: 1_000, clock, newId });
  const levels = { fullPercent: 90, clearPercent: 75, clock };
  const fill = new SimulatedFill({ compartments: ['paper'], script: [], ...levels });
  let pressEmptied: (compartment: string) => void = () => {};
  const fillParts = {
    fill,
    onEmptied: (listener: (compartment: string) => void) => {
      pressEmptied = listener;
    },
  };
  const faults: string[] = [];
  const reports: BinEvent[] = [];
  const status = new Status(clock, () => {});
  const commands = new CommandRegistry({
    isAllowed: () => true,
    transactions: bin.parts.journal,
    newId,
    clock,
    log: quiet,
  });
  const operatorPanel = new OperatorPanel({ panel, fillParts, commands, refusedMs: 3_000, clock });
  const lastDecided = new LastDecided();
  const observers = new ObserverList(
    {
      status,
      operatorPanel,
      lastDecided,
      hold: { phase: (phase) => hold.phase(phase) },
      test: {
        health: (part, fault) => faults.push(`${part}:${fault?.code ?? 'ok'}`),
        event: (event, finished) => {
          if (!finished) reports.push(eventSchema.parse(event));
        },
      },
    },
    quiet,
  );
  bin.watch(observers);
  const health = new HealthHub(status, observers);
  health.connect('lines', lines);
  health.connect('sensor', trigger);
  const onLocked = (locked: boolean) => observers.locked(locked);
  const gateLock = new GateLock({ gate, clock, onLocked });
  const serviceSwitch = new ServiceSwitch({ input: service.value, lock: gateLock });
  health.connect('gate', gateLock.health);
  const onHeld = (isHeld: boolean) => status.held(isHeld);
  const hold = new Hold({ lock: gateLock, journal: bin.parts.journal, clock, log: quiet, onHeld });
  fill.onChange((level) => observers.fill(level));
  const policy = somePolicy();
  const model = { active: { policy } } as CommandParts['model'];
  const command = new CommandTrigger({ clock, newId });
  const hardware = { command, fillParts };
  const liveness = new Liveness({ eventLoopMs: 1, partMs: { camera: 1, journal: 1, vision: 1 } }, clock);
  const publisher = {
    notifyUndeliverable: () => {},
    status: () => ({ connected: true, lastError: null, connections: 1 }),
  };
  const commandParts = {
    runner: bin.runner,
    hold,
    hardware,
    model,
    lastDecided,
    status,
    liveness,
    journal,
    publisher,
    brokerUrl: 'mqtt://broker',
    machine: () => machineReport(null, clock),
    updates: () => null,
    clock,
  };
  for (const one of makeCommands(commandParts)) commands.add(one);
  trigger.start(() => bin.trigger.fire());
  await bin.parts.vision.start(new AbortController().signal);
  await serviceSwitch.start();
  await operatorPanel.start();
  await hold.restore(bin.runner);
  await bin.runner.start();
  await clock.advance(10);
  const item = async () => {
    bin.trigger.fire();
    await clock.advance(100);
    return bin.journalled.at(-1)?.event;
  };
  return {
    ...bin,
    clock,
    gate,
    lid,
    lines,
    sonar,
    panel,
    fill,
    status,
    gateLock,
    hold,
    operatorPanel,
    commands,
    faults,
    reports,
    item,
    pressEmptied: () => pressEmptied('paper'),
    homings: () => homings,
  };
};

const bound = (target: SimulatedJournal, key: string | symbol): unknown => {
  const value = Reflect.get(target, key, target);
  return typeof value === 'function' ? value.bind(target) : value;
};

/** A journal that stores states only after some other work, as a disk does. */
const slowStates = (journal: SimulatedJournal): Journal =>
  new Proxy(journal, {
    get: (target, key) =>
      key === 'saveState'
        ? async (name: string, state: object) => {
            for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
            await target.saveState(name, state);
          }
        : bound(target, key),
  });

const lockedIn = (status: Status) => {
  const { locked, held } = status.snapshot();
  return { locked, held };
};

describe('the hardware of a bin', () => {
  it('shows the state of the bin on the panel, and journals the report of a wrong compartment for the last item', async () => {
    const { panel, reports, item, clock } = await started();
    assert.equal(panel.shown, 'ready');
    panel.press(); // No item has been sorted yet.
    await clock.advance(1);
    assert.equal(reports.length, 0);
    const sorted = await item();
    panel.press();
    await clock.advance(1);
    assert.deepEqual(
      reports.map(({ outcome, item: id, seq, trigger }) => [outcome, id, seq, trigger.source]),
      [['disputed', sorted?.id, 2, 'button']],
    );
  });

  it('labels a disputed item in the journal, and refuses one that it does not know', async () => {
    const { commands, parts, item, clock, reports } = await started();
    const sorted = await item();
    const dispute = async (id: string | undefined) => {
      const answer = commands.execute({ command: 'dispute', item: id }, 'command');
      await clock.advance(1);
      return answer;
    };
    assert.equal((await dispute(sorted?.id)).ok, true);
    const labels = await parts.journal.labels(sorted?.id ?? '');
    assert.deepEqual(
      labels.map(({ label, source }) => [label, source]),
      [[null, 'command']],
    );
    const unknown = await dispute(newId());
    assert.deepEqual(unknown.ok ? null : unknown.fault.code, 'control-unfit');
    assert.equal(reports.length, 1);
  });

  it('resets the counter and the fill level of an emptied compartment', async () => {
    const { fill, status, reports, pressEmptied, clock } = await started();
    fill.set('paper', 95);
    assert.deepEqual(status.snapshot().fill, [{ compartment: 'paper', percent: 95, full: true }]);
    pressEmptied();
    await clock.advance(1);
    assert.deepEqual(status.snapshot().fill, [{ compartment: 'paper', percent: 0, full: false }]);
    assert.deepEqual(
      reports.map(({ outcome, compartment }) => [outcome, compartment]),
      [['emptied', 'paper']],
    );
    assert.deepEqual(Object.keys(status.snapshot().counters.emptied), ['paper']);
  });

  it('locks the gate while the service switch is on, and moves it home afterwards', async () => {
    const { lines, gate, status, item, clock } = await started();
    lines.set('service', true);
    await clock.advance(1);
    assert.equal(gate.lockReason, 'the service switch is on');
    assert.deepEqual(lockedIn(status), { locked: true, held: false });
    const refused = await item();
    assert.deepEqual([refused?.outcome, refused?.fault?.code], ['failed', 'gate-locked']);
    lines.set('service', false);
    await clock.advance(10);
    assert.equal(gate.lockReason, null);
    assert.deepEqual(lockedIn(status), { locked: false, held: false });
  });

  it('finishes the current item when it is held, then locks the gate and ignores triggers until resume', async () => {
    const { commands, gate, status, item, journalled, trigger, clock } = await started();
    const send = async (command: string) => {
      const answer = commands.execute({ command }, 'mqtt');
      await clock.advance(10);
      const { ok } = await answer;
      assert.ok(ok, command);
    };
    trigger.fire();
    await send('hold');
    await clock.advance(100);
    assert.deepEqual(
      journalled.map(({ event }) => [event.outcome, event.decision?.reason]),
      [['sorted', 'confident']],
    );
    assert.deepEqual([gate.lockReason, lockedIn(status)], ['the bin is held', { locked: true, held: true }]);
    await item();
    await clock.advance(60_000);
    const ignored = journalled.at(-1)?.event;
    assert.deepEqual([ignored?.outcome, ignored?.decision?.reason], ['ignored', 'held']);
    await send('resume');
    assert.deepEqual([gate.lockReason, lockedIn(status)], [null, { locked: false, held: false }]);
    assert.equal((await item())?.outcome, 'sorted');
  });

  it('stays locked by the service switch after resume, and stays held after the switch is off', async () => {
    const { hold, lines, gate, item, clock } = await started();
    const set = async (work: () => unknown) => {
      await work();
      await clock.advance(20);
    };
    await set(() => hold.hold());
    await set(() => lines.set('service', true));
    assert.equal(gate.lockReason, 'the bin is held, the service switch is on');
    await set(() => lines.set('service', false));
    assert.equal(gate.lockReason, 'the bin is held');
    await set(() => lines.set('service', true));
    await set(() => hold.resume());
    assert.equal(gate.lockReason, 'the service switch is on');
    await set(() => lines.set('service', false));
    await clock.advance(60_000);
    assert.equal((await item())?.outcome, 'sorted');
  });

  it('does not move the gate at the start of a held bin, before it is resumed', async () => {
    const journal = new SimulatedJournal();
    await journal.saveState('hold', { isHeld: true, since: '2026-01-01T00:00:00.000Z' });
    const { gate, homings, hold, status, item, clock } = await started({ journal });
    await clock.advance(60_000);
    assert.deepEqual([homings(), gate.lockReason], [0, 'the bin is held']);
    assert.deepEqual([modeOf(status.snapshot()), status.snapshot().faults], ['held', []]);
    await item();
    await clock.advance(60_000);
    assert.equal(homings(), 0);
    await hold.resume();
    await clock.advance(100);
    assert.equal((await item())?.outcome, 'sorted');
  });

  it('stays held if it is held again before its gate is home', async () => {
    const { hold, gate, lid, homings, clock } = await started();
    await hold.hold();
    await clock.advance(10);
    lid.open = true;
    await hold.resume();
    await clock.advance(10);
    await hold.hold();
    lid.open = false;
    const before = homings();
    await clock.advance(60_000);
    assert.deepEqual([gate.lockReason, homings()], ['the bin is held', before]);
  });

  it('has the mode "held" only when the current item is finished', async () => {
    const { hold, status, trigger, clock } = await started();
    trigger.fire();
    await hold.hold();
    assert.equal(modeOf(status.snapshot()), 'busy');
    await clock.advance(100);
    assert.equal(modeOf(status.snapshot()), 'held');
  });

  it('stores the last one of a hold and a resume that come at once', async () => {
    const journal = new SimulatedJournal();
    const slow = slowStates(journal);
    const { hold, gate, clock } = await started({ journal: slow });
    await hold.hold();
    for (const [first, second, isHeld] of [
      ['resume', 'hold', true],
      ['resume', 'resume', false],
      ['hold', 'resume', false],
    ] as const) {
      const answers = [hold[first](), hold[second]()];
      await clock.advance(100);
      await Promise.all(answers);
      assert.equal(hold.isHeld, isHeld, `${first}, ${second}`);
      assert.equal(gate.lockReason !== null, isHeld);
      assert.equal(((await journal.loadState('hold')) as { isHeld: boolean }).isHeld, isHeld);
    }
  });

  it('stores a hold that could not be stored, when it is sent again', async () => {
    const journal = new SimulatedJournal();
    const disk = { isFull: true };
    const full = new Proxy(journal, {
      get: (target, key) =>
        key === 'saveState' && disk.isFull
          ? () => Promise.reject(new Error('the disk is full'))
          : bound(target, key),
    });
    const { hold, commands, clock } = await started({ journal: full });
    const send = async () => {
      const answer = commands.execute({ command: 'hold' }, 'mqtt');
      await clock.advance(10);
      return answer;
    };
    assert.match(JSON.stringify(await send()), /control-failed.*not stored: the disk is full/);
    assert.equal(hold.isHeld, true);
    disk.isFull = false;
    assert.deepEqual(await send(), done('held'));
    assert.deepEqual(await send(), done('held already'));
    assert.equal(((await journal.loadState('hold')) as { isHeld: boolean }).isHeld, true);
  });

  it('does not move the gate if the service switch is on at the start', async () => {
    const { gate, homings, lines, item, clock } = await started({ isServiceOn: true });
    await clock.advance(60_000);
    assert.equal(gate.lockReason, 'the service switch is on');
    assert.equal(homings(), 0);
    lines.set('service', false);
    await clock.advance(60_000);
    assert.equal((await item())?.outcome, 'sorted');
  });

  it('repeats the unlock until the gate is home or the switch is on again', async () => {
    const { lines, gate, lid, faults, clock, gateLock } = await started();
    const turn = async (on: boolean) => {
      lines.set('service', on);
      await clock.advance(10);
    };
    await turn(true);
    lid.open = true;
    await turn(false);
    assert.equal(gate.lockReason, 'the service switch is on', 'the lid is open');
    assert.equal(faults.at(-1), 'gate:gate-guarded');
    lid.open = false;
    await clock.advance(2_000);
    assert.equal(gate.lockReason, null);
    assert.equal(faults.at(-1), 'gate:ok');

    await turn(true);
    lid.open = true;
    await turn(false);
    await turn(true);
    lid.open = false;
    await clock.advance(60_000);
    assert.equal(gate.lockReason, 'the service switch is on');
    lid.open = true;
    await turn(false);
    await gateLock.stop();
    lid.open = false;
    await clock.advance(60_000);
    assert.equal(gate.lockReason, 'the service switch is on', 'a closed bin does not move its gate');
  });

  it('shows an ultrasonic sensor that fails while the bin is idle, until it works again', async () => {
    const { sonar, status, panel, clock, journalled } = await started();
    sonar.distanceMm = null;
    await clock.advance(5_000);
    const [fault, ...others] = status.snapshot().faults;
    assert.deepEqual([fault?.part, fault?.code, others], ['sensor', 'ultrasonic-silent', []]);
    assert.equal(panel.shown, 'fault');
    sonar.distanceMm = Infinity;
    await clock.advance(5_000);
    assert.deepEqual(status.snapshot().faults, []);
    assert.equal(panel.shown, 'ready');
    assert.equal(journalled.length, 0);
  });

  it('shows the line that is still lost when another one is back', async () => {
    const { lines, status } = await started();
    const lid = await lines.input('lid', { at: AT, bias: 'as-is', activeLow: false, debounceMs: 0 });
    assert.ok(lid.ok);
    const details = () => status.snapshot().faults.map(({ part, detail }) => `${part} ${detail}`);
    lines.unplug('service');
    lines.unplug('lid');
    assert.deepEqual(details(), ['lines service']);
    lines.plug('service');
    assert.deepEqual(details(), ['lines lid']);
    lines.plug('lid');
    assert.deepEqual(details(), []);
  });

  it('reports lines that are down, and turns the panel off when it is closed', async () => {
    const { lines, faults, panel, operatorPanel } = await started();
    lines.fail();
    assert.ok(faults.includes('lines:lines-down'));
    await operatorPanel.stop();
    assert.equal(panel.shown, 'off');
  });
});
