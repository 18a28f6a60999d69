import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { examineAccelerators } from '../../../device/tools/doctor/accelerators.js';
import { inFolder } from '../../support/sortbin.js';

describe('examineAccelerators', () => {
  it('shows path, speed and temperature of each accelerator', () =>
    inFolder('', async (folder) => {
      const files = {
        'dev/apex_0': '',
        'sys/class/apex/apex_0/temp': '43250\n',
        'sys/bus/usb/devices/1-2/idVendor': '1a6e\n',
        'sys/bus/usb/devices/1-2/idProduct': '089a\n',
        'sys/bus/usb/devices/1-2/speed': '480\n',
      };
      for (const [file, text] of Object.entries(files)) {
        await mkdir(dirname(join(folder, file)), { recursive: true });
        await writeFile(join(folder, file), text);
      }
      const { checks } = await examineAccelerators(folder);
      assert.deepEqual(
        checks.map(({ name, status, text }) => [name, status, text]),
        [
          ['pci:0', 'ok', '/dev/apex_0, 43.3 °C'],
          [
            'usb:0',
            'note',
            '/sys/bus/usb/devices/1-2, 480 Mbit/s, slower than USB 3 (use a blue port), firmware is loaded at first use',
          ],
        ],
      );
    }));

  it('adds a note if there is no accelerator', () =>
    inFolder('', async (folder) => {
      const { checks } = await examineAccelerators(folder);
      assert.deepEqual(checks, [{ name: 'edgetpu', status: 'note', text: 'none found' }]);
    }));
});
