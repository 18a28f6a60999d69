import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  type Accelerator,
  findAccelerators,
  selectAccelerator,
  temperatureOf,
} from '../../../../device/perception/inference/edgetpu/accelerator.js';

const rootWith = async (t: TestContext, files: Record<string, string>): Promise<string> => {
  const root = await mkdtemp(join(tmpdir(), 'sortbin-test-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return root;
};

const usb = (name: string, vendor: string, product: string, speed: string) => ({
  [`sys/bus/usb/devices/${name}/idVendor`]: `${vendor}\n`,
  [`sys/bus/usb/devices/${name}/idProduct`]: `${product}\n`,
  [`sys/bus/usb/devices/${name}/speed`]: `${speed}\n`,
});

test('finds accelerators by USB ids and device nodes, and ignores other devices', async (t) => {
  const root = await rootWith(t, {
    ...usb('1-1', '1d6b', '0002', '480'),
    ...usb('1-1.4', '18d1', '9302', '480'),
    ...usb('2-1', '1a6e', '089a', '5000'),
    ...usb('2-2', '18d1', '9302', '5000'),
    'sys/bus/usb/devices/2-0:1.0/bInterfaceClass': '09\n',
    'dev/apex_10': '',
    'dev/apex_2': '',
    'dev/apexes': '',
    'sys/class/apex/apex_2/temp': '48250\n',
  });
  const found = await findAccelerators(root);
  assert.deepEqual(found, [
    { kind: 'pci', index: 0, path: '/dev/apex_2', speedMbps: null, ready: true },
    { kind: 'pci', index: 1, path: '/dev/apex_10', speedMbps: null, ready: true },
    // libedgetpu lists the accelerators without loaded firmware first.
    { kind: 'usb', index: 0, path: '/sys/bus/usb/devices/2-1', speedMbps: 5000, ready: false },
    { kind: 'usb', index: 1, path: '/sys/bus/usb/devices/1-1.4', speedMbps: 480, ready: true },
    { kind: 'usb', index: 2, path: '/sys/bus/usb/devices/2-2', speedMbps: 5000, ready: true },
  ]);
  assert.deepEqual(await Promise.all(found.map((one) => temperatureOf(one, root))), [
    48.25,
    null,
    null,
    null,
    null,
  ]);
});

test('finds no accelerator on a machine without one', async (t) => {
  assert.deepEqual(await findAccelerators(await rootWith(t, {})), []);
});

const PCI: Accelerator = { kind: 'pci', index: 0, path: '/dev/apex_0', speedMbps: null, ready: true };
const USB = (index: number): Accelerator => ({
  kind: 'usb',
  index,
  path: `/sys/bus/usb/devices/2-${index}`,
  speedMbps: 5000,
  ready: true,
});
const ALL = [PCI, USB(0), USB(1)];

for (const [setting, accelerator, option, isExact] of [
  ['auto', PCI, '', false],
  ['usb', USB(0), 'usb', false],
  ['pci', PCI, 'pci', false],
  ['usb:1', USB(1), 'usb:1', true],
  [':2', USB(1), 'usb:1', true],
  ['/dev/apex_0', PCI, 'pci:0', true],
] as const) {
  test(`device ${setting} selects ${accelerator.path}`, () => {
    assert.deepEqual(selectAccelerator(setting, ALL), { ok: true, value: { accelerator, option, isExact } });
  });
}

for (const setting of ['usb:2', 'pci:1', '/dev/apex_7']) {
  test(`device ${setting} matches no accelerator, and the message lists the present ones`, () => {
    const answer = selectAccelerator(setting, ALL);
    assert.ok(!answer.ok);
    assert.equal(answer.fault.code, 'edgetpu-no-device');
    assert.match(
      answer.fault.message,
      new RegExp(
        `^vision\\.edgetpu\\.device: no Edge TPU for ${setting}\\. Found: pci:0 at /dev/apex_0, usb:0 at .*Connect one`,
      ),
    );
  });
}

for (const setting of ['', 'gpu', 'auto:0', 'usb:', 'usb:-1', 'pci0']) {
  test(`device "${setting}" is not valid, and the message lists the allowed values`, () => {
    const answer = selectAccelerator(setting, ALL);
    assert.ok(!answer.ok);
    assert.match(
      answer.fault.message,
      /^vision\.edgetpu\.device: ".*" is not valid\. Use auto, usb, pci, .*Found: pci:0 at /,
    );
  });
}

test('says that there is no accelerator', () => {
  const answer = selectAccelerator('auto', []);
  assert.match(answer.ok ? '' : answer.fault.message, /Found: none\. Connect one/);
});
