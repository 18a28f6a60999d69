import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Answer, done, failed } from '../../../kit/errors.js';

/** A Coral Edge TPU that the kernel shows. */
export interface Accelerator {
  readonly kind: 'usb' | 'pci';
  /**
   * Of its kind, from 0. libedgetpu counts in the same way, but for several PCIe ones, or several USB ones that are
   * equally ready: what their order is there, the kernel and libusb decide.
   */
  readonly index: number;
  /** `/dev/apex_0`, or the USB device's folder below /sys. */
  readonly path: string;
  /** Of USB, in Mbit/s: 5000 or more at a USB 3 port, 480 at a USB 2 port, where it is much slower. */
  readonly speedMbps: number | null;
  /** Of USB: whether its firmware runs. It is loaded at the first use. */
  readonly ready: boolean;
}

/** Vendor and product: before its first use, and with its firmware. */
const USB_IDS = new Map([
  ['1a6e:089a', false],
  ['18d1:9302', true],
]);

/** The accelerators of this machine, PCIe ones first, as libedgetpu takes them. `root`: where /dev and /sys lie. */
export const findAccelerators = async (root = '/'): Promise<Accelerator[]> => [
  ...(await pciAccelerators(root)),
  ...(await usbAccelerators(root)),
];

const pciAccelerators = async (root: string): Promise<Accelerator[]> => {
  const names = (await list(join(root, 'dev'))).filter((name) => /^apex_\d+$/.test(name));
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
  for (const name of (await list(join(root, devices))).sort()) {
    const folder = join(root, devices, name);
    const ids = `${await text(join(folder, 'idVendor'))}:${await text(join(folder, 'idProduct'))}`;
    const ready = USB_IDS.get(ids);
    if (ready === undefined) continue;
    const speed = Number.parseFloat(await text(join(folder, 'speed')));
    const speedMbps = Number.isFinite(speed) ? speed : null;
    found.push({ kind: 'usb', path: `${devices}/${name}`, speedMbps, ready });
  }
  // As libedgetpu: first those whose firmware it has yet to load.
  return found
    .sort((one, other) => Number(one.ready) - Number(other.ready))
    .map((one, index) => ({ ...one, index }));
};

/** Degrees Celsius, where the driver says it: of PCIe ones alone. */
export const temperatureOf = async ({ kind, path }: Accelerator, root = '/'): Promise<number | null> => {
  if (kind !== 'pci') return null;
  const milli = Number.parseInt(await text(join(root, 'sys/class/apex', basename(path), 'temp')), 10);
  return Number.isFinite(milli) ? milli / 1000 : null;
};

/** An accelerator, and libedgetpu's `device` option for it. */
export interface Chosen {
  readonly accelerator: Accelerator;
  readonly option: string;
  /** Whether it is named so closely that libedgetpu heeds further options. */
  readonly exact: boolean;
}

/**
 * The accelerator that a setting names: `auto`, `usb`, `pci`, one by its index as `usb:0` or `:0`, or a path as
 * `/dev/apex_0`.
 */
export const chooseAccelerator = (
  setting: string,
  present: readonly Accelerator[],
): Answer<Chosen, 'edgetpu-no-device'> => {
  const wanted = parsed(setting);
  if (!wanted) {
    return failed(
      'edgetpu-no-device',
      `device ${setting} names no Edge TPU; found: ${listOf(present)}; ${ALLOWED}`,
    );
  }
  const { kind, index, path } = wanted;
  const fitting = present.filter(
    (one) => (kind === null || one.kind === kind) && (path === null || one.path === path),
  );
  const accelerator = fitting[index ?? 0];
  if (!accelerator) {
    return failed(
      'edgetpu-no-device',
      `no Edge TPU for device ${setting}; found: ${listOf(present)}; plug one in, or see docs/coral.md`,
    );
  }
  const exact = index !== null || path !== null;
  const option = exact ? `${accelerator.kind}:${accelerator.index}` : (kind ?? '');
  return done({ accelerator, option, exact });
};

const ALLOWED = 'allowed are auto, usb, pci, an index as usb:0 or :0, and a path as /dev/apex_0';

const listOf = (present: readonly Accelerator[]): string =>
  present.map(({ kind, index, path }) => `${kind}:${index} at ${path}`).join(', ') || 'none';

const parsed = (setting: string) => {
  if (setting.startsWith('/')) return { kind: null, index: null, path: setting };
  if (setting === 'auto') return { kind: null, index: null, path: null };
  const [all, kind = null, index] = /^(usb|pci)?(?::(\d+))?$/.exec(setting) ?? [];
  return all ? { kind, index: index === undefined ? null : Number(index), path: null } : null;
};

const list = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);

const text = async (file: string): Promise<string> => (await readFile(file, 'utf8').catch(() => '')).trim();
