import { readdir, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { memoryBytes } from '../../kit/memory.js';
import type { MachineReadings, MachineSensors, Space } from './machine.js';

export interface LinuxMachineOptions {
  /** Folder whose disk is measured. */
  readonly dataDir: string;
  /** Root of /sys and /proc. Default: `/`. */
  readonly root?: string;
}

/** Types of the thermal zone of a processor, the best first: Raspberry Pi, other Arm boards, PCs. */
const CPU_ZONES = ['cpu-thermal', 'cpu_thermal', 'soc-thermal', 'x86_pkg_temp', 'acpitz'];

/**
 * Bits of `get_throttled` that hold now: under-voltage, frequency capped, throttled, soft temperature limit. Source: the
 * documentation of `vcgencmd get_throttled` by Raspberry Pi Ltd.
 */
const UNDER_VOLTAGE = 1 << 0;
const SLOWED = (1 << 1) | (1 << 2) | (1 << 3);

/** Reads the sensors from /sys and /proc. */
export class LinuxMachine implements MachineSensors {
  readonly #root: string;

  constructor(private readonly options: LinuxMachineOptions) {
    this.#root = options.root ?? '/';
  }

  async read(): Promise<MachineReadings> {
    const [temperatureC, throttled, alarm, memory, disk] = await Promise.all([
      this.#temperature().catch(() => null),
      this.#throttled().catch(() => null),
      this.#voltageAlarm().catch(() => null),
      this.#memory().catch(() => null),
      this.#disk().catch(() => null),
    ]);
    return {
      temperatureC,
      isUnderVoltage: throttled === null ? alarm : (throttled & UNDER_VOLTAGE) !== 0,
      isThrottled: throttled === null ? null : (throttled & SLOWED) !== 0,
      memory,
      disk,
    };
  }

  async #temperature(): Promise<number | null> {
    const folder = 'sys/class/thermal';
    const zones = (await this.#list(folder)).filter((name) => name.startsWith('thermal_zone'));
    const types = await Promise.all(
      zones.map((zone) => this.#text(`${folder}/${zone}/type`).catch(() => '')),
    );
    const best = CPU_ZONES.map((type) => zones[types.indexOf(type)]).find((zone) => zone !== undefined);
    if (best === undefined) return null;
    const milliC = Number(await this.#text(`${folder}/${best}/temp`));
    return Number.isFinite(milliC) ? milliC / 1000 : null;
  }

  /** The firmware device has another parent on each generation of boards. */
  async #throttled(): Promise<number | null> {
    const platform = 'sys/devices/platform';
    for (const parent of ['soc', 'axi', '']) {
      for (const device of await this.#list(join(platform, parent))) {
        if (!device.endsWith('firmware')) continue;
        const text = await this.#text(join(platform, parent, device, 'get_throttled')).catch(() => '');
        if (/^(0x)?[0-9a-f]+$/i.test(text)) return Number.parseInt(text, 16);
      }
    }
    return null;
  }

  /** The driver raspberrypi-hwmon of the mainline kernel. */
  async #voltageAlarm(): Promise<boolean | null> {
    const folder = 'sys/class/hwmon';
    for (const name of await this.#list(folder)) {
      const driver = await this.#text(`${folder}/${name}/name`).catch(() => '');
      if (driver === 'rpi_volt') return (await this.#text(`${folder}/${name}/in0_lcrit_alarm`)) === '1';
    }
    return null;
  }

  async #memory(): Promise<Space | null> {
    const text = await this.#text('proc/meminfo');
    const [freeBytes, totalBytes] = [memoryBytes(text, 'MemAvailable'), memoryBytes(text, 'MemTotal')];
    return freeBytes !== null && totalBytes !== null ? { freeBytes, totalBytes } : null;
  }

  async #disk(): Promise<Space> {
    const { bavail, blocks, bsize } = await statfs(this.options.dataDir);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  }

  #text(path: string): Promise<string> {
    return readFile(join(this.#root, path), 'utf8').then((text) => text.trim());
  }

  #list(path: string): Promise<string[]> {
    return readdir(join(this.#root, path)).catch(() => []);
  }
}
