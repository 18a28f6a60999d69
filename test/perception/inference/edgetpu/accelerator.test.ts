import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  type Accelerator,
  chooseAccelerator,
  findAccelerators,
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

test('accelerators are found by their ids and nodes, and nothing else is', async (t) => {
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
    // libedgetpu counts those first whose firmware it has yet to load.
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

test('a machine without them has none', async (t) => {
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

for (const [setting, accelerator, option, exact] of [
  ['auto', PCI, '', false],
  ['usb', USB(0), 'usb', false],
  ['pci', PCI, 'pci', false],
  ['usb:1', USB(1), 'usb:1', true],
  [':2', USB(1), 'usb:1', true],
  ['/dev/apex_0', PCI, 'pci:0', true],
] as const) {
  test(`device ${setting} is ${accelerator.path}`, () => {
    assert.deepEqual(chooseAccelerator(setting, ALL), { ok: true, value: { accelerator, option, exact } });
  });
}

for (const setting of ['usb:2', 'pci:1', '/dev/apex_7']) {
  test(`device ${setting} is none, and what there is is said`, () => {
    const answer = chooseAccelerator(setting, ALL);
    assert.ok(!answer.ok);
    assert.equal(answer.fault.code, 'edgetpu-no-device');
    assert.match(
      answer.fault.message,
      new RegExp(`for device ${setting}; found: pci:0 at /dev/apex_0, usb:0 at`),
    );
  });
}

for (const setting of ['', 'gpu', 'auto:0', 'usb:', 'usb:-1', 'pci0']) {
  test(`"${setting}" names no device, and what is allowed is said`, () => {
    const answer = chooseAccelerator(setting, ALL);
    assert.ok(!answer.ok);
    assert.match(answer.fault.message, /names no Edge TPU; found: pci:0 at .*allowed are auto, usb, pci/);
  });
}

test('without any, none is found', () => {
  const answer = chooseAccelerator('auto', []);
  assert.match(answer.ok ? '' : answer.fault.message, /found: none; plug one in/);
});
