import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface FakeBundle {
  readonly name?: string;
  readonly version?: string;
  /** Text in place of the model. */
  readonly model?: string;
}

/**
 * Writes a bundle whose manifest, labels and digests are valid, but which no runtime can run. It has a few kilobytes.
 * Returns its folder.
 */
export const writeFakeBundle = (
  folder: string,
  { name = 'fake', version = '1.0.0', model = 'model' }: FakeBundle = {},
): string => {
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
    return { file, sha256: createHash('sha256').update(text).digest('hex'), bytes: Buffer.byteLength(text) };
  };
  const expected = {
    ...write('golden/tflite.json', '{}'),
    ...{ kernels: 'fake', exact: true, clearMargin: 1, maxLogitDifference: 1, minEmbeddingCosine: 0.9 },
  };
  const manifest = {
    ...{ schema: 1, name, version, created: '2026-01-01T00:00:00Z', licence: 'Apache-2.0' },
    labels: ['paper', 'glass'],
    input: { width: 16, height: 16, colour: 'rgb', fit: 'fill', kernel: 'linear', mean: 127, scale: 128 },
    views: [1],
    outputs: { logits: { tflite: 'logits' } },
    golden: write('golden/inputs.json', '{"inputs":[]}'),
    runtimes: { tflite: { ...write('model_int8.tflite', model), golden: expected } },
    calibration: { temperature: 1 },
    policy: { confidence: 0.5, margin: 0.1 },
  };
  write('labels.txt', 'paper\nglass\n');
  write('golden/NOTICE', 'The licence of the images.\n');
  write('manifest.json', JSON.stringify(manifest));
  return folder;
};
