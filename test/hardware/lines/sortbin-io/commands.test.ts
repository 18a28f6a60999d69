import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { parseMessage } from '../../../../device/hardware/lines/sortbin-io/protocol.js';
import { SimulatedClock } from '../../../../device/kit/simulated-clock.js';
import { makeIoBench } from '../../../support/hardware/io-bench.js';
import { until } from '../../../support/until.js';

const never = new AbortController().signal;

describe('lines of sortbin-io', () => {
  it('send every rule in the words of the protocol', async (test) => {
    const { lines, fake } = await makeIoBench(test, { leaseMs: 900 });
    await lines.start(never);
    const at = { chip: 'pinctrl-rp1', offset: 17 };
    await lines.input('lid', { at, bias: 'pull-up', activeLow: true, debounceMs: 2.5 });
    await lines.input('beam', { at: { line: 'GPIO5' }, bias: 'disabled', activeLow: false, debounceMs: 0 });
    const limits = { maxOnMs: 1_500, minOffMs: 20, group: 'motors', guards: ['lid', 'beam'] };
    await lines.output('gate', { at, activeLow: true, ...limits });
    const pulses = { periodUs: 20_000, minPulseUs: 600, maxPulseUs: 2_400, maxOnMs: 800, guards: ['lid'] };
    await lines.pwm('servo', { at: { chip: '1f00098000.pwm', channel: 2 }, ...pulses });
    assert.deepEqual(
      fake.commands.filter((words) => !words.startsWith('get ')),
      [
        'in lid chip pinctrl-rp1 17 bias=up low debounce=2500 edges',
        'in beam line GPIO5 bias=off edges',
        'out gate chip pinctrl-rp1 17 bound=1500000 low rest=20000 lease=900000 group=motors guard=lid guard=beam',
        'pwm servo 1f00098000.pwm 2 period=20000 min=600 max=2400 bound=800000 lease=900000 guard=lid',
      ],
    );
  });

  it('record each output in a file for sortbin-io --safe, before they request it', async (test) => {
    const folder = await mkdtemp(join(tmpdir(), 'sortbin-outputs-'));
    test.after(() => rm(folder, { recursive: true }));
    const outputsFile = join(folder, 'data', 'outputs.txt');
    const { lines, fake, input, output } = await makeIoBench(test, { outputsFile });
    const recorded = () => readFileSync(outputsFile, 'utf8');
    let atRequest = '';
    fake.respond = (words) => {
      if (words.startsWith('out first')) atRequest = recorded();
      return 'rules';
    };
    await lines.start(never);
    await input('beam');
    await output('first');
    assert.match(atRequest, /^1 out first chip bank 4 .*\n$/);
    await output('second');
    assert.match(recorded(), /^1 out first .*\n2 out second chip bank 4 .*\n$/);
    await rm(folder, { recursive: true });
    await writeFile(folder, 'a file');
    const third = await output('third');
    assert.match(
      third.ok ? '' : third.fault.message,
      /"third" \(chip bank 4\): cannot record the output in .*outputs.txt \(ENOTDIR.*\)\. Check/,
    );
    assert.ok(!fake.commands.some((words) => words.startsWith('out third')));
  });

  it('wait until udev gives a new PWM channel to the group, but not forever', async (test) => {
    const clock = new SimulatedClock();
    const { lines, fake } = await makeIoBench(test, { clock });
    await lines.start(never);
    const rules = { periodUs: 20_000, minPulseUs: 600, maxPulseUs: 2_400, maxOnMs: 800, guards: [] };
    const at = { chip: '0', channel: 0 };
    const idle = clock.waiting;
    let denied = 0;
    fake.respond = (words) => (words.startsWith('pwm') && denied++ < 2 ? 'error denied' : 'rules');
    const settled = async <T>(work: Promise<T>): Promise<T> => {
      let done = false;
      void work.finally(() => {
        done = true;
      });
      // The clock advances only during a delay, not while the other process answers.
      const endMs = performance.now() + 8_000;
      while (!done) {
        assert.ok(performance.now() < endMs, 'the request for the channel has no answer');
        await wait(1);
        if (clock.waiting > idle) await clock.advance(10);
      }
      return work;
    };
    assert.ok((await settled(lines.pwm('servo', { at, ...rules }))).ok);
    assert.equal(denied, 3);
    fake.respond = (words) => (words.startsWith('pwm') ? 'error denied' : 'rules');
    const other = await settled(lines.pwm('other', { at, ...rules }));
    assert.equal(!other.ok && other.fault.code, 'line-denied');
  });

  it('refuse a place that would break a command, and send nothing', async (test) => {
    const { lines, fake } = await makeIoBench(test);
    await lines.start(never);
    const rules = { bias: 'as-is', activeLow: false, debounceMs: 0 } as const;
    const spaced = await lines.input('lid', { ...rules, at: { line: 'PIN 7\n2 safe' } });
    assert.equal(!spaced.ok && spaced.fault.code, 'line-unsupported');
    for (const offset of [-1, 0.5, 5_000, Number.NaN]) {
      const answer = await lines.input('lid', { ...rules, at: { chip: 'bank', offset } });
      assert.equal(!answer.ok && answer.fault.code, 'line-refused');
    }
    assert.deepEqual(fake.commands, []);
  });

  it('name the line, its holder and the fix when sortbin-io refuses it', async (test) => {
    const { input, output, fake, lines } = await makeIoBench(test);
    await lines.start(never);
    const cases = [
      [
        'missing no such chip',
        'line-missing',
        /^"a" \(chip bank 3\): not found \(no such chip\)\..*gpiodetect/,
      ],
      ['busy bank 3 is held by "lircd"', 'line-busy', /"a".*held by "lircd".*gpioinfo/],
      ['denied /dev/gpiochip0', 'line-denied', /"a".*gpiochip0.*group gpio/],
      ['gone unplugged', 'line-gone', /"a".*the chip was unplugged.*Plug it in again/],
      ['failed EINVAL', 'line-unsupported', /"a".*kernel.*EINVAL/],
    ] as const;
    for (const [error, code, message] of cases) {
      fake.respond = () => `error ${error}`;
      const answer = await input('a');
      assert.ok(!answer.ok);
      assert.equal(answer.fault.code, code);
      assert.match(answer.fault.message, message);
    }
    fake.respond = (words) => (words.startsWith('on ') ? 'error guarded the lid is open' : 'rules');
    const gate = await output('gate');
    const answer = gate.ok && (await gate.value.pulse(10, never));
    assert.equal(answer && !answer.ok && answer.fault.code, 'line-guarded');
  });

  it('renew the leases three times per lease while an output is on', async (test) => {
    const clock = new SimulatedClock();
    const bench = await makeIoBench(test, { clock, leaseMs: 3_000 });
    const { gate } = await bench.requestLines();
    const renewals = () => bench.fake.commands.filter((words) => words === 'renew').length;
    await clock.advance(10_000);
    const abort = new AbortController();
    const hold = gate.hold(abort.signal);
    await until('the gate is on', () => bench.fake.level('gate'));
    for (const second of [1, 2, 3, 4]) {
      await clock.advance(1_000);
      await until('a renewal', () => renewals() === second);
    }
    abort.abort();
    const off = await hold;
    assert.equal(off.ok && off.value.reason, 'command');
    await until('no timer is left', () => clock.waiting === 0);
    assert.equal(renewals(), 4);
  });

  it('handle an off event that arrives together with the answer', async (test) => {
    const bench = await makeIoBench(test);
    const { gate } = await bench.requestLines();
    bench.fake.respond = (words) => (words.startsWith('on ') ? 'ok\noff gate lease 12345' : 'rules');
    assert.deepEqual(await gate.pulse(10, never), { ok: true, value: { reason: 'lease', atNs: 12_345n } });
    bench.fake.respond = (words) => (words.startsWith('out ') ? 'ok\ngone flap it fell off' : 'rules');
    const flap = await bench.output('flap');
    assert.equal(!flap.ok && flap.fault.code, 'line-gone');
  });
});

describe('an unplugged chip', () => {
  it('makes its lines fail until it is plugged in again', async (test) => {
    const clock = new SimulatedClock();
    const bench = await makeIoBench(test, { clock });
    const { lid, gate, edges } = await bench.requestLines();
    const hold = gate.hold(never);
    await until('the gate is on', () => bench.fake.level('gate'));
    bench.fake.unplug('gate');
    bench.fake.unplug('lid');
    const off = await hold;
    assert.equal(off.ok && off.value.reason, 'gone');
    await until('both lines are lost', () => clock.waiting === 1);
    for (const answer of [await gate.pulse(10, never), await lid.active()]) {
      assert.equal(!answer.ok && answer.fault.code, 'line-gone');
    }
    const requests = () => bench.fake.commands.filter((words) => /^(in|out) /.test(words)).length;
    await clock.advance(100);
    await until('both lines are requested again', () => requests() === 4);
    const missing = await gate.pulse(10, never);
    assert.equal(!missing.ok && missing.fault.code, 'line-gone');
    bench.fake.plug('gate');
    bench.fake.plug('lid');
    bench.fake.press('lid', true);
    await until('both lines work again', () => {
      void clock.advance(10);
      return bench.health.at(-1) === null;
    });
    assert.equal(bench.health[0], 'line-gone');
    assert.match(bench.messages[0] ?? '', /^"gate" \(chip bank 4\): the chip was unplugged/);
    assert.deepEqual(
      edges.map(({ active }) => active),
      [true],
    );
    const pulse = await gate.pulse(10, never);
    assert.equal(pulse.ok && pulse.value.reason, 'time');
    assert.equal(bench.fake.starts, 1);
    await bench.close();
    assert.equal(clock.waiting, 0);
  });

  it('reports the line that is still lost when another one is back', async (test) => {
    const clock = new SimulatedClock();
    const bench = await makeIoBench(test, { clock });
    const { lid } = await bench.requestLines();
    bench.fake.unplug('gate');
    await until('the gate is lost', () => bench.details.length === 1);
    bench.fake.unplug('lid');
    const missing = await lid.active();
    assert.equal(!missing.ok && missing.fault.detail, 'lid');
    const pass = (until: () => boolean) => () => {
      void clock.advance(10);
      return until();
    };
    bench.fake.plug('gate');
    await until(
      'the gate is back',
      pass(() => bench.details.at(-1) !== 'gate'),
    );
    bench.fake.plug('lid');
    await until(
      'the lid is back',
      pass(() => bench.health.at(-1) === null),
    );
    // The message of a line may change while it is lost.
    const reported = bench.details.filter(
      (detail, index) => index === 0 || detail !== bench.details[index - 1],
    );
    assert.deepEqual(reported, ['gate', 'lid', undefined]);
  });
});

describe('a line of sortbin-io', () => {
  it('is parsed or rejected, and never throws', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 100 }), (line) => {
        const message = parseMessage(line);
        assert.ok(message === null || typeof message.type === 'string');
      }),
    );
  });

  it('keeps exact times and counts', () => {
    const name = fc.stringMatching(/^[a-z0-9._-]{1,31}$/);
    const ns = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    fc.assert(
      fc.property(name, ns, fc.boolean(), fc.nat(), (line, atNs, active, missed) => {
        const message = parseMessage(`edge ${line} ${atNs} ${active ? 1 : 0} ${missed}`);
        assert.deepEqual(message, { type: 'edge', name: line, atNs, active, missed });
      }),
    );
  });
});
