import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verdictOf } from '../../../device/tools/doctor/doctor.js';
import { type ConfiguredLine, examineLines } from '../../../device/tools/doctor/lines.js';
import { parseMachineLines } from '../../../device/tools/doctor/machine-lines.js';

/** As sortbin-io says it. */
const LIST = `chip gpiochip0 pinctrl-bcm2711 4
line 0 ID_SDA input -
line 1 - output kernel
line 2 GPIO2 output somebody_else
line 3 GPIO3 input sortbin_sensor
unusable /dev/gpiochip1 Permission denied
pwm 0 fe20c000.pwm 2 usable
pwm 1 - 4 denied
something that a later one says
`;
const GROUP = 'add the user to the group gpio, and log in again';

const examine = (wanted: readonly ConfiguredLine[], text = LIST) =>
  examineLines({ found: parseMachineLines(text), configured: wanted, exitCode: 69 });

const of = (wanted: ConfiguredLine) => {
  const { status, text } = examine([wanted]).checks.at(-1) ?? {};
  return `${status}: ${text}`;
};

describe('what the doctor says of the lines', () => {
  it('shows chips, holders and permissions, and nothing fails where nothing is wanted', () => {
    const section = examine([]);
    const held = 'held: 1 by kernel, GPIO2 by somebody_else, GPIO3 by sortbin_sensor';
    assert.deepEqual(
      section.checks.map(({ name, status, text }) => [name, status, text]),
      [
        ['gpiochip0', 'ok', `pinctrl-bcm2711, 4 lines; ${held}`],
        ['/dev/gpiochip1', 'note', `Permission denied; ${GROUP}`],
        ['pwmchip0', 'ok', 'fe20c000.pwm, 2 channels'],
        ['pwmchip1', 'note', `no device, 4 channels; no permission: ${GROUP}`],
      ],
    );
    assert.equal(verdictOf([section]), 0);
  });

  it('finds a wanted line by chip, label or name, free or held by the bin itself', () => {
    const sda = 'ok: ID_SDA, line 0 of pinctrl-bcm2711';
    assert.equal(of({ key: 'a', chip: 'gpiochip0', offset: 0 }), sda);
    assert.equal(of({ key: 'a', line: 'ID_SDA' }), sda);
    const own = 'ok: GPIO3, line 3 of pinctrl-bcm2711, held by the bin that runs';
    assert.equal(of({ key: 'a', chip: 'pinctrl-bcm2711', offset: 3 }), own);
    assert.equal(of({ key: 'a', pwm: 'fe20c000.pwm', channel: 1 }), 'ok: channel 1 of pwmchip0');
  });

  it('says what is wrong with one that cannot be had, and what to do', () => {
    const wrong: readonly [ConfiguredLine, RegExp][] = [
      [{ key: 'a', chip: 'pinctrl-rp1', offset: 3 }, /no chip pinctrl-rp1; .*: pinctrl-bcm2711$/],
      [{ key: 'a', chip: 'gpiochip0', offset: 17 }, /pinctrl-bcm2711 has 4 lines, and no 17/],
      [{ key: 'a', line: 'GPIO17' }, /no line is named GPIO17/],
      [{ key: 'a', line: 'GPIO2' }, /GPIO2, line 2 of .* is held by somebody_else; end/],
      [{ key: 'a', pwm: '0', channel: 2 }, /no channel 2 of PWM chip 0; enable it/],
    ];
    for (const [wanted, text] of wrong) {
      assert.match(of(wanted), text);
      assert.match(of(wanted), /^fail: /);
      assert.equal(verdictOf([examine([wanted])]), 69);
    }
  });

  it('fails on a machine without lines only where some are wanted', () => {
    const wanted: ConfiguredLine[] = [{ key: 'a', line: 'x' }];
    assert.equal(verdictOf([examine([], '')]), 0);
    assert.equal(examine([], '').checks[0]?.text, 'this machine has no GPIO chip');
    assert.equal(verdictOf([examine(wanted, '')]), 69);
    const failure = { found: { failure: 'no program' }, exitCode: 69 };
    assert.equal(verdictOf([examineLines({ ...failure, configured: [] })]), 0);
    assert.equal(verdictOf([examineLines({ ...failure, configured: wanted })]), 69);
  });
});
