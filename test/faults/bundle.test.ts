import assert from 'node:assert/strict';
import { cp, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { packageRoot } from '../../device/kit/root.js';
import { inFolder, Sortbin } from '../support/sortbin.js';

const FACTORY = join(packageRoot(), 'deploy/model');

const damages: [string, (bundle: string) => Promise<void>, RegExp][] = [
  [
    'a truncated model',
    (bundle) => truncate(join(bundle, 'model_int8.tflite'), 1_000_000),
    /model_int8\.tflite/,
  ],
  [
    'a model with one flipped bit',
    async (bundle) => {
      const file = join(bundle, 'model_int8.tflite');
      const bytes = await readFile(file);
      bytes[2_000_000] = (bytes[2_000_000] ?? 0) ^ 1;
      await writeFile(file, bytes);
    },
    /model_int8\.tflite/,
  ],
  [
    'labels in a different order',
    async (bundle) => {
      const file = join(bundle, 'labels.txt');
      const labels = (await readFile(file, 'utf8')).trim().split('\n');
      await writeFile(file, `${labels.reverse().join('\n')}\n`);
    },
    /labels\.txt/,
  ],
];

const refusal = async (folder: string): Promise<string> => {
  const bin = new Sortbin(['run'], folder);
  assert.equal(await bin.ended(), 65);
  assert.doesNotMatch(bin.stderr, /\n\s+at /, 'no stack trace');
  assert.equal(bin.stderr.trim().split('\n').length, 1);
  return bin.stderr;
};

describe('a damaged bundle', () => {
  it('is refused if its folder does not exist', () =>
    inFolder('model: { bundle: nowhere }\n', async (folder) => {
      assert.match(await refusal(folder), /bundle .*nowhere.*no such folder/);
    }));

  for (const [name, damage, message] of damages)
    it(`is refused with the reason: ${name}`, () =>
      inFolder('model: { bundle: model }\n', async (folder) => {
        await cp(FACTORY, join(folder, 'model'), { recursive: true });
        await damage(join(folder, 'model'));
        assert.match(await refusal(folder), message);
      }));
});
