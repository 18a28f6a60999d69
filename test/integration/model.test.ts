import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { loadBundle } from '../../device/perception/inference/bundle/bundle.js';
import { addEdgeTpu } from '../../device/perception/inference/edgetpu/add-edgetpu.js';
import { compareVersions, isBundleVersion } from '../../device/update/bundle-id.js';
import {
  copyBundle,
  editJson,
  factoryBundle,
  quickBundle,
  temporaryFolder,
  updateDigests,
} from '../support/bundle-copy.js';
import { runReport } from '../support/run-report.js';
import { inFolder, Sortbin } from '../support/sortbin.js';

const run = async (args: readonly string[], folder: string) => {
  const command = new Sortbin(['model', ...args], folder);
  const code = await command.ended();
  assert.doesNotMatch(command.stderr, /\n\s+at /, 'no stack trace');
  return { code, text: command.output.join('\n'), stderr: command.stderr };
};

describe('sortbin model show', () => {
  it('shows the configured bundle with its sources and figures', () =>
    inFolder('', async (folder) => {
      const { code, text } = await run(['show'], folder);
      assert.equal(code, 0);
      const { manifest } = await loadBundle(factoryBundle());
      assert.match(
        text,
        new RegExp(`\n${manifest.name} ${manifest.version}\n {2}created +${manifest.created}\n`),
      );
      assert.match(text, /\n {2}labels +12: battery, biological, /);
      assert.match(text, /\n {2}tflite {2}model_int8\.tflite\n +4\.0 MB, sha256 [0-9a-f]{12}…\n/);
      assert.match(text, /\n {2}perLabel battery +pictures \d+, [a-z]+ /);
      assert.match(text, /\nsources\n(?: {2}.*\n)*? {2}base weights +EfficientNet-Lite0.*: Apache-2\.0\n/);
    }));

  it('prints the unchanged manifest as JSON', () =>
    inFolder(`model: { bundle: ${factoryBundle()} }\n`, async (folder) => {
      const { text } = await run(['show', '--json'], folder);
      const manifest = JSON.parse(await readFile(join(factoryBundle(), 'manifest.json'), 'utf8'));
      assert.deepEqual(JSON.parse(text), {
        ...{ schema: 1, folder: factoryBundle(), manifest, update: null },
      });
    }));
});

describe('sortbin model verify', () => {
  it('notes what the golden samples of a bundle do not prove', async (t) => {
    const bundle = await quickBundle(t, (manifest) => {
      manifest.runtimes.tflite.golden.clearMargin = 100;
      manifest.calibration.temperature = 90;
    });
    await editJson(join(bundle, 'golden', 'tflite.json'), ({ labels: _, ...answers }) => answers);
    await updateDigests(bundle);
    await inFolder('', async (folder) => {
      const { code, checks } = await runReport(['model', 'verify', bundle], folder);
      assert.equal(code, 0);
      const found = checks('bundle');
      assert.match(`${found['tflite label order']?.text}`, /do not name their labels/);
      assert.match(`${found['tflite clear answers']?.text}`, /no expected answer is clear/);
      assert.match(
        `${found['tflite confidence']?.text}`,
        /highest confidence is 0\.09, below policy\.confidence 0\.91/,
      );
    });
  });

  it('exits with 65 if the labels are swapped', async (t) => {
    const swap = (labels: string[]) => [...labels.slice(1), ...labels.slice(0, 1)];
    const bundle = await quickBundle(t, (manifest) => {
      manifest.labels = swap(manifest.labels);
    });
    const path = join(bundle, 'labels.txt');
    await writeFile(path, swap((await readFile(path, 'utf8')).trimEnd().split('\n')).join('\n'));
    await inFolder('', async (folder) => {
      const { code, checks } = await runReport(['model', 'verify', bundle], folder);
      assert.equal(code, 65);
      assert.match(
        `${checks('bundle')['tflite labels']?.text}`,
        /logit 0 is battery, but in manifest\.json it is biological/,
      );
    });
  });

  it('passes a complete bundle on the available runtimes', async (t) => {
    const bundle = await quickBundle(t);
    await inFolder('', async (folder) => {
      const { code, report, checks } = await runReport(['model', 'verify', bundle], folder);
      assert.equal(code, 0);
      assert.deepEqual(
        report.sections.map(({ title }) => title),
        ['bundle', 'runtimes'],
      );
      assert.equal(checks('runtimes')['tflite (TensorFlow Lite)']?.serves, true);
      const shown = checks('bundle')['tflite labels'];
      assert.equal(shown?.status, 'note');
      assert.match(
        `${shown?.text}`,
        /no golden sample clearly shows battery, .*, white-glass \(11 of 12 labels\)/,
      );
      assert.equal(checks('bundle')['tflite label order'], undefined);
      assert.equal(checks('runtimes')['tfjs-wasm']?.code, 'bundle-incompatible');
    });
  });

  it('exits with 69 if no runtime passes the golden samples', async (t) => {
    const bundle = await quickBundle(t);
    await editJson<{ expected: { logits: number[] }[] }>(
      join(bundle, 'golden/tflite.json'),
      ({ expected }) => {
        for (const { logits } of expected)
          for (const [at, logit] of logits.entries()) logits[at] = logit + 99;
      },
    );
    await updateDigests(bundle);
    await inFolder('', async (folder) => {
      const wrong = await runReport(['model', 'verify', bundle], folder);
      assert.equal(wrong.code, 69);
      const { 'tflite (TensorFlow Lite)': tflite, taken } = wrong.checks('runtimes');
      assert.deepEqual([tflite?.status, tflite?.code, taken?.status], ['fail', 'golden-output', 'fail']);
    });
  });

  it('exits with 65 if a file is damaged', async (t) => {
    const bundle = await copyBundle(t);
    await truncate(join(bundle, 'labels.txt'), 20);
    await inFolder('', async (folder) => {
      const { code, checks } = await runReport(['model', 'verify', bundle], folder);
      assert.equal(code, 65);
      assert.match(checks('bundle').bundle?.text ?? '', /labels\.txt: line/);
    });
  });
});

/** Encodes a string like FlatBuffers: length, bytes, a zero. */
const text = (value: string): Buffer => {
  const bytes = Buffer.from(`\0\0\0\0${value}\0`);
  bytes.writeUInt32LE(value.length);
  return bytes;
};

const OUTPUTS = ['StatefulPartitionedCall_1:1', 'StatefulPartitionedCall_1:0'];

/** Writes a file with the parts of edgetpu_compiler's output that are checked. */
const compiled = async (t: TestContext, strings = ['edgetpu-custom-op', ...OUTPUTS], magic = 'TFL3') => {
  const file = join(await temporaryFolder(t), 'model_int8_edgetpu.tflite');
  await writeFile(file, Buffer.concat([Buffer.from(`\x1c\0\0\0${magic}`), ...strings.map(text)]));
  return file;
};

const addTo = (bundle: string, model: string, folder: string, version?: string) =>
  addEdgeTpu({ bundle, model, folder, version, createdMs: Date.UTC(2026, 0, 1) });

describe('sortbin model add-edgetpu', () => {
  it('writes a new bundle that differs only by the model and its manifest entries', async (t) => {
    const bundle = factoryBundle();
    const before = await readFile(join(bundle, 'manifest.json'), 'utf8');
    const file = await compiled(t);
    await inFolder('', async (folder) => {
      const { code, text, stderr } = await run(['add-edgetpu', bundle, file, '--out', 'deep/new'], folder);
      assert.deepEqual([code, stderr], [0, '']);
      const made = join(folder, 'deep/new');
      const old = JSON.parse(before);
      assert.equal(text, `${made}: waste12 1.3.1-edgetpu written`);
      assert.deepEqual(await readdir(join(folder, 'deep')), ['new']);
      assert.deepEqual(
        (await readdir(made)).sort(),
        [...(await readdir(bundle)), 'model_int8_edgetpu.tflite'].sort(),
      );
      assert.deepEqual(await readdir(join(made, 'golden')), await readdir(join(bundle, 'golden')));

      const { manifest } = await loadBundle(made);
      const { edgetpu } = manifest.runtimes;
      assert.deepEqual(edgetpu?.golden, { ...manifest.runtimes.tflite?.golden, exact: false });
      assert.deepEqual([manifest.outputs.logits?.edgetpu, manifest.outputs.embedding?.edgetpu], OUTPUTS);
      const raw = JSON.parse(await readFile(join(made, 'manifest.json'), 'utf8'));
      assert.deepEqual(raw.sources, old.sources);
      assert.deepEqual(Object.keys(raw), Object.keys(old));
      assert.notEqual(raw.created, old.created);
      assert.equal(await readFile(join(bundle, 'manifest.json'), 'utf8'), before);

      const again = await run(['add-edgetpu', bundle, file, '--out', made], folder);
      assert.equal(again.code, 73);
      assert.match(again.stderr, /deep\/new: already exists, and bundles are never changed\./);
      const twice = await run(['add-edgetpu', made, file, '--out', 'twice'], folder);
      assert.equal(twice.code, 65);
      assert.match(twice.stderr, /already has a model for the Edge TPU\./);
    });
  });

  it('accepts a version only if it is a semantic version', async (t) => {
    const file = await compiled(t);
    await inFolder('', async (folder) => {
      const args = ['add-edgetpu', factoryBundle(), file, '--out', 'new', '--version', '9.0.0'];
      assert.match((await run(args, folder)).text, /new: waste12 9\.0\.0 written/);
      const newest = addTo(factoryBundle(), file, join(folder, 'newest'), 'newest');
      await assert.rejects(newest, {
        code: 'edgetpu-version',
        message: /version newest: invalid\. Use a semantic/,
      });
    });
  });

  const wrong: [string, string[], string, RegExp][] = [
    [
      'a file that is not a TensorFlow Lite model',
      ['edgetpu-custom-op', ...OUTPUTS],
      'JFIF',
      /: not a TensorFlow Lite model\. .*docs\/coral\.md/,
    ],
    [
      'a model that is not compiled',
      OUTPUTS,
      'TFL3',
      /: not compiled for the Edge TPU: it has no edgetpu-custom-op\./,
    ],
    [
      'a model with other outputs',
      ['edgetpu-custom-op', `${OUTPUTS[0]}0`, `${OUTPUTS[1]}`],
      'TFL3',
      /: no tensor StatefulPartitionedCall_1:1, which is an output of bundle waste12/,
    ],
  ];
  for (const [what, strings, magic, message] of wrong)
    it(`refuses ${what}, and leaves no file behind`, async (t) => {
      const folder = await temporaryFolder(t);
      const made = addTo(factoryBundle(), await compiled(t, strings, magic), join(folder, 'new'));
      await assert.rejects(made, { code: 'edgetpu-unsuitable', message });
      assert.deepEqual(await readdir(folder), []);
    });

  it('leaves no file behind if the copy is incomplete', async (t) => {
    const bundle = await copyBundle(t);
    await mkdir(join(bundle, 'elsewhere'));
    // A symbolic link is not copied.
    await rename(join(bundle, 'labels.txt'), join(bundle, 'elsewhere/labels.txt'));
    await symlink('elsewhere/labels.txt', join(bundle, 'labels.txt'));
    const folder = await temporaryFolder(t);
    const made = addTo(bundle, await compiled(t), join(folder, 'new'));
    await assert.rejects(made, { code: 'bundle-damaged', message: /labels\.txt: the file is missing/ });
    assert.deepEqual(await readdir(folder), []);
  });

  it('exits with 66 if the file cannot be read', () =>
    inFolder('', async (folder) => {
      const missing = await run(['add-edgetpu', factoryBundle(), 'none.tflite', '--out', 'new'], folder);
      assert.deepEqual([missing.code, /none\.tflite: the file is missing/.test(missing.stderr)], [66, true]);
    }));

  it('reports a folder that cannot be created', async (t) => {
    const file = await compiled(t);
    const made = addTo(factoryBundle(), file, join(file, 'new'));
    await assert.rejects(made, { code: 'edgetpu-unwritable', message: /new: cannot be written \(/ });
  });

  it('makes a version that is newer than the old one and older than its next release, for a repository', async (t) => {
    const expected = [
      ['1.3.0', '1.3.1-edgetpu', '1.3.1'],
      ['1.3.9', '1.3.10-edgetpu', '1.3.10'],
      ['1.2.3+build.7', '1.2.4-edgetpu', '1.2.4'],
      ['1.4.0-rc.1', '1.4.0-rc.1.edgetpu', '1.4.0-rc.2'],
    ] as const;
    const file = await compiled(t);
    for (const [version, made, next] of expected) {
      const bundle = await copyBundle(t);
      await editJson(join(bundle, 'manifest.json'), (manifest) => ({ ...manifest, version }));
      const { manifest } = await addTo(bundle, file, join(await temporaryFolder(t), 'new'));
      assert.equal(manifest.version, made);
      assert.ok(compareVersions(made, version.replace(/\+.*/, '')) > 0 && compareVersions(made, next) < 0);
      assert.ok(isBundleVersion(made), 'release add accepts it');
    }
  });
});
