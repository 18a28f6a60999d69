import { readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const CLASS = '/sys/class/pwm';
/** The name of its device in /sys/devices/platform. */
const DEVICE = 'pwm-sim';

export interface PwmState {
  /** True while a process holds the channel. By sysfs, that means it is exported. */
  readonly requested: boolean;
  readonly enabled: boolean;
  readonly periodNs: number;
  readonly dutyNs: number;
}

/** The PWM chip of test/vm/modules/pwm-sim.c. It has two channels, read here from outside. */
export class PwmSim {
  readonly device = DEVICE;
  /** The number of the chip, `0` for /sys/class/pwm/pwmchip0. */
  readonly number: string;

  constructor() {
    const chip = readdirSync(CLASS).find(
      (name) => basename(realpathSync(join(CLASS, name, 'device'))) === DEVICE,
    );
    if (chip === undefined) throw new Error(`${CLASS}: no ${DEVICE}. Run modprobe ${DEVICE}.`);
    this.number = chip.replace('pwmchip', '');
  }

  /** Reads the state that the kernel last applied from /sys/kernel/debug/pwm. It stays after the holder has exited. */
  state(channel: 0 | 1): PwmState {
    const text = readFileSync('/sys/kernel/debug/pwm', 'utf8');
    const chip = text.slice(text.indexOf(`platform/${DEVICE},`));
    const [, line = ''] = new RegExp(`^ *pwm-${channel} +\\([^\\n]*\\):(.*)$`, 'm').exec(chip) ?? [];
    const ns = (key: string) => Number(new RegExp(`${key}: (\\d+) ns`).exec(line)?.[1]);
    const words = line.split(' ');
    return {
      requested: words.includes('requested'),
      enabled: words.includes('enabled'),
      periodNs: ns('period'),
      dutyNs: ns('duty'),
    };
  }

  /** Returns the current pulse length, or 0 without pulses. */
  pulseNs(channel: 0 | 1): number {
    return Number(readFileSync(this.pulseFile(channel), 'utf8'));
  }

  /** Returns the path of the file with that length, for `Sampling`. */
  pulseFile(channel: 0 | 1): string {
    return `/sys/module/pwm_sim/parameters/pulse${channel}_ns`;
  }

  /** Stops and unexports both channels, whatever state their last holder left. */
  reset(): void {
    const chip = join(CLASS, `pwmchip${this.number}`);
    for (const channel of [0, 1] as const) {
      const { requested, enabled } = this.state(channel);
      if (enabled) {
        if (!requested) writeFileSync(join(chip, 'export'), String(channel));
        writeFileSync(join(chip, `pwm${channel}/enable`), '0');
      }
      if (enabled || requested) writeFileSync(join(chip, 'unexport'), String(channel));
    }
  }
}
