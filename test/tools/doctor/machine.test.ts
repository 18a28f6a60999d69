import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { examineMachine } from '../../../device/tools/doctor/machine.js';
import { inFolder } from '../../support/sortbin.js';

describe('examineMachine', () => {
  it('shows the board name of the firmware', () =>
    inFolder('', async (folder) => {
      await mkdir(join(folder, 'proc/device-tree'), { recursive: true });
      await writeFile(join(folder, 'proc/device-tree/model'), 'Raspberry Pi 5 Model B Rev 1.0\0');
      const { checks } = await examineMachine(folder);
      assert.equal(checks.find(({ name }) => name === 'board')?.text, 'Raspberry Pi 5 Model B Rev 1.0');
    }));
});
