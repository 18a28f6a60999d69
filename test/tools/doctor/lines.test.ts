import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verdictOf } from '../../../device/tools/doctor/doctor.js';
import { type ConfiguredLine, examineLines } from '../../../device/tools/doctor/lines.js';
import { parseMachineLines } from '../../../device/tools/doctor/machine-lines.js';

/** Output of `sortbin-io --list`. */
const LIST = `chip gpiochip0 pinctrl-bcm2711 4
line 0 ID_SDA input -
line 1 - output kernel
line 2 GPIO2 output somebody_else
line 3 GPIO3 input sortbin_sensor
unusable /dev/gpiochip1 Permission denied
pwm 0 fe20c000.pwm 2 usable
pwm 1 - 1 denied
something from a later version
`;
const GROUP = 'Add your user to the group gpio, then log in again.';

const examine = (wanted: readonly ConfiguredLine[], text = LIST) =>
  examineLines({ found: parseMachineLines(text), configured: wanted, exitCode: 69 });

const of = (wanted: ConfiguredLine) => {
  const { status, text } = examine([wanted]).checks.at(-1) ?? {};
  return `${status}: ${text}`;
};

describe('examineLines', () => {
  it('shows chips, holders and permissions, and passes if no line is configured', () => {
    const section = examine([]);
    const held = 'Held: 1 by kernel, GPIO2 by somebody_else, GPIO3 by sortbin_sensor.';
    assert.deepEqual(
      section.checks.map(({ name, status, text }) => [name, status, text]),
      [
        ['gpiochip0', 'ok', `pinctrl-bcm2711, 4 lines. ${held}`],
        ['/dev/gpiochip1', 'note', `Permission denied. ${GROUP}`],
        ['pwmchip0', 'ok', 'fe20c000.pwm, 2 channels'],
        ['pwmchip1', 'note', `no device, 1 channel, permission denied. ${GROUP}`],
      ],
    );
    assert.equal(verdictOf([section]), 0);
  });

  it('finds a configured line by chip, label or name, free or held by the bin', () => {
    const sda = 'ok: ID_SDA, line 0 of pinctrl-bcm2711';
    assert.equal(of({ key: 'a', chip: 'gpiochip0', offset: 0 }), sda);
    assert.equal(of({ key: 'a', line: 'ID_SDA' }), sda);
    const own = 'ok: GPIO3, line 3 of pinctrl-bcm2711, held by the running bin';
    assert.equal(of({ key: 'a', chip: 'pinctrl-bcm2711', offset: 3 }), own);
    assert.equal(of({ key: 'a', pwm: 'fe20c000.pwm', channel: 1 }), 'ok: channel 1 of pwmchip0');
  });

  it('reports why a line is unavailable, and what to do', () => {
    const wrong: readonly [ConfiguredLine, RegExp][] = [
      [
        { key: 'a', chip: 'pinctrl-rp1', offset: 3 },
        /GPIO chip "pinctrl-rp1" not found\. Chips of this machine: pinctrl-bcm2711\.$/,
      ],
      [
        { key: 'a', chip: 'gpiochip0', offset: 17 },
        /line 17 of pinctrl-bcm2711 not found\. The chip has 4 lines\./,
      ],
      [{ key: 'a', line: 'GPIO17' }, /line "GPIO17" not found\. Run gpioinfo/],
      [{ key: 'a', line: 'GPIO2' }, /GPIO2, line 2 of .*, is held by somebody_else\. End that program/],
      [
        { key: 'a', pwm: '0', channel: 2 },
        /channel 2 of PWM chip 0 not found\. Enable it with dtoverlay=pwm-2chan\./,
      ],
      [{ key: 'a', pwm: '1', channel: 0 }, /channel 0 of pwmchip1: permission denied\. Add your user/],
    ];
    for (const [wanted, text] of wrong) {
      assert.match(of(wanted), text);
      assert.match(of(wanted), /^fail: /);
      assert.equal(verdictOf([examine([wanted])]), 69);
    }
  });

  it('fails on a machine without GPIO chips only if lines are configured', () => {
    const wanted: ConfiguredLine[] = [{ key: 'a', line: 'x' }];
    assert.equal(verdictOf([examine([], '')]), 0);
    assert.equal(examine([], '').checks[0]?.text, 'no GPIO chip on this machine');
    assert.equal(verdictOf([examine(wanted, '')]), 69);
    const failure = { found: { failure: 'no program' }, exitCode: 69 };
    assert.equal(verdictOf([examineLines({ ...failure, configured: [] })]), 0);
    assert.equal(verdictOf([examineLines({ ...failure, configured: wanted })]), 69);
  });
});
