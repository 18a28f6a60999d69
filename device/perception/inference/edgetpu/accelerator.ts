import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Answer, done, failed } from '../../../kit/errors.js';

/** A Coral Edge TPU that the kernel has detected. */
export interface Accelerator {
  readonly kind: 'usb' | 'pci';
  /**
   * Number among the accelerators of this kind, from 0. libedgetpu uses the same numbers, except among several PCIe
   * accelerators, and among several USB accelerators in the same `ready` state. The kernel and libusb order those.
   */
  readonly index: number;
  /** `/dev/apex_0`, or the folder of the USB device below /sys. */
  readonly path: string;
  /** USB only, in Mbit/s: 5000 or more at a USB 3 port, 480 at a USB 2 port. USB 2 is much slower. */
  readonly speedMbps: number | null;
  /** Whether the firmware runs. A USB accelerator loads it at its first use. A PCIe accelerator is always ready. */
  readonly ready: boolean;
}

/** Vendor and product ids before the first use and with loaded firmware, and whether the firmware runs. */
const USB_IDS = new Map([
  ['1a6e:089a', false],
  ['18d1:9302', true],
]);

/**
 * Returns the accelerators of this machine in the order of libedgetpu: PCIe, then USB. `root` contains dev/ and sys/.
 */
export const findAccelerators = async (root = '/'): Promise<Accelerator[]> => [
  ...(await pciAccelerators(root)),
  ...(await usbAccelerators(root)),
];

const pciAccelerators = async (root: string): Promise<Accelerator[]> => {
  const names = (await listFolder(join(root, 'dev'))).filter((name) => /^apex_\d+$/.test(name));
  return names
    .map((name) => Number(name.slice('apex_'.length)))
    .sort((one, other) => one - other)
    .map((number, index) => ({
      kind: 'pci',
      index,
      path: `/dev/apex_${number}`,
      speedMbps: null,
      ready: true,
    }));
};

const usbAccelerators = async (root: string): Promise<Accelerator[]> => {
  const devices = '/sys/bus/usb/devices';
  const found: Omit<Accelerator, 'index'>[] = [];
  for (const name of (await listFolder(join(root, devices))).sort()) {
    const folder = join(root, devices, name);
    const ids = `${await readText(join(folder, 'idVendor'))}:${await readText(join(folder, 'idProduct'))}`;
    const ready = USB_IDS.get(ids);
    if (ready === undefined) continue;
    const speed = Number.parseFloat(await readText(join(folder, 'speed')));
    const speedMbps = Number.isFinite(speed) ? speed : null;
    found.push({ kind: 'usb', path: `${devices}/${name}`, speedMbps, ready });
  }
  // libedgetpu lists the accelerators without loaded firmware first.
  return found
    .sort((one, other) => Number(one.ready) - Number(other.ready))
    .map((one, index) => ({ ...one, index }));
};

/** Returns the temperature in degrees Celsius, or null. Only the driver of PCIe accelerators reports it. */
export const temperatureOf = async ({ kind, path }: Accelerator, root = '/'): Promise<number | null> => {
  if (kind !== 'pci') return null;
  const milli = Number.parseInt(await readText(join(root, 'sys/class/apex', basename(path), 'temp')), 10);
  return Number.isFinite(milli) ? milli / 1000 : null;
};

/** An accelerator, and the `device` option of libedgetpu that selects it. */
export interface SelectedAccelerator {
  readonly accelerator: Accelerator;
  readonly option: string;
  /** Whether `option` contains an index. Only then does libedgetpu read further options. */
  readonly isExact: boolean;
}

/**
 * Selects the accelerator that the setting `vision.edgetpu.device` names: `auto`, `usb`, `pci`, an index such as
 * `usb:0` or `:0`, or a path such as `/dev/apex_0`.
 */
export const selectAccelerator = (
  setting: string,
  present: readonly Accelerator[],
): Answer<SelectedAccelerator, 'edgetpu-no-device'> => {
  const filter = parseSetting(setting);
  if (!filter) {
    return failed(
      'edgetpu-no-device',
      `vision.edgetpu.device: ${JSON.stringify(setting)} is not valid. ${ALLOWED} Found: ${listOf(present)}.`,
    );
  }
  const { kind, index, path } = filter;
  const matches = present.filter(
    (one) => (kind === null || one.kind === kind) && (path === null || one.path === path),
  );
  const accelerator = matches[index ?? 0];
  if (!accelerator) {
    return failed(
      'edgetpu-no-device',
      `vision.edgetpu.device: no Edge TPU for ${setting}. Found: ${listOf(present)}. Connect one, or see docs/coral.md.`,
    );
  }
  const isExact = index !== null || path !== null;
  const option = isExact ? `${accelerator.kind}:${accelerator.index}` : (kind ?? '');
  return done({ accelerator, option, isExact });
};

const ALLOWED = 'Use auto, usb, pci, an index such as usb:0 or :0, or a path such as /dev/apex_0.';

const listOf = (present: readonly Accelerator[]): string =>
  present.map(({ kind, index, path }) => `${kind}:${index} at ${path}`).join(', ') || 'none';

const parseSetting = (setting: string) => {
  if (setting.startsWith('/')) return { kind: null, index: null, path: setting };
  if (setting === 'auto') return { kind: null, index: null, path: null };
  const [all, kind = null, index] = /^(usb|pci)?(?::(\d+))?$/.exec(setting) ?? [];
  return all ? { kind, index: index === undefined ? null : Number(index), path: null } : null;
};

const listFolder = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);

const readText = async (file: string): Promise<string> =>
  (await readFile(file, 'utf8').catch(() => '')).trim();
