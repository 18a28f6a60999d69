import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { type Answer, done, failed } from '../../device/kit/errors.js';
import { loadBundle } from '../../device/perception/inference/bundle/bundle.js';
import { type RuntimeOption, runtimeOptions } from '../../device/perception/vision/probe.js';
import type { VisionInfo } from '../../device/perception/vision/vision.js';
import { examineAccelerators } from '../../device/tools/doctor/accelerators.js';
import { type Section, verdictOf } from '../../device/tools/doctor/doctor.js';
import { examineMachine } from '../../device/tools/doctor/machine.js';
import { renderSection } from '../../device/tools/doctor/render.js';
import { examineRuntimes, type RuntimesOptions } from '../../device/tools/doctor/runtimes.js';
import { copyBundle, factoryBundle, quickBundle } from '../support/bundle-copy.js';
import { runReport } from '../support/run-report.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { makeVisionOptions } from '../support/vision-options.js';

const inBundle = (bundle: string, rest: string, use: (folder: string) => Promise<void>) =>
  inFolder(`model: { bundle: ${bundle} }\n${rest}`, use);

describe('sortbin doctor', () => {
  it('tries every way in a child, says how each passed, and which one is taken', async (t) =>
    inBundle(await quickBundle(t), 'vision: { tflite: { binding: tensorflowlite } }\n', async (folder) => {
      const { code, report, checks, stderr } = await runReport(
        ['doctor', '--runtime', 'edgetpu', 'tflite'],
        folder,
      );
      assert.equal(code, 0);
      assert.deepEqual([report.schema, report.exitCode, stderr], [1, 0, '']);
      assert.deepEqual(
        report.sections.map(({ title }) => title),
        ['configuration', 'machine', 'bundle', 'accelerators', 'lines', 'runtimes'],
      );
      const {
        edgetpu,
        'tflite (LiteRT)': litert,
        'tflite (TensorFlow Lite)': tflite,
        taken,
      } = checks('runtimes');
      assert.deepEqual([edgetpu?.serves, edgetpu?.code], [false, 'bundle-incompatible']);
      assert.match(edgetpu?.text ?? '', /not tried: .* has no model for it; .*model add-edgetpu/);
      // Not allowed by the configuration, and looked at all the same.
      assert.deepEqual([litert?.allowed, litert?.taken], [false, false]);
      assert.equal(typeof litert?.serves, 'boolean');
      assert.deepEqual([tflite?.serves, tflite?.taken, tflite?.backend], [true, true, 'xnnpack-2.9']);
      const golden = tflite?.golden as Record<string, unknown>;
      assert.deepEqual([golden.samples, golden.exact, golden.logitDifference], [1, true, 0]);
      assert.match(
        tflite?.text ?? '',
        /^serves: xnnpack-2\.9, 1 thread; 1 golden sample, equal bits; [\d.]+ ms, then/,
      );
      assert.match(taken?.text ?? '', /^tflite \(TensorFlow Lite\), the first that serves/);
      assert.equal(checks('configuration').policy?.status, 'ok');
      assert.equal(checks('machine').node?.text, process.versions.node);
      assert.equal(checks('bundle').labels?.text, '12 labels');
    }));

  it('outlives a library that hangs, and exits with 69 where nothing that may be taken serves', async (t) =>
    inBundle(
      await quickBundle(t),
      'vision: { startMs: 400, tflite: { binding: litert, library: hangs.so } }\n',
      async (folder) => {
        await promisify(execFile)('mkfifo', [join(folder, 'hangs.so')]);
        const { code, checks } = await runReport(['doctor', '--runtime', 'tflite'], folder);
        assert.equal(code, 69);
        const { 'tflite (LiteRT)': litert, taken } = checks('runtimes');
        assert.deepEqual([litert?.status, litert?.code], ['fail', 'vision-timeout']);
        assert.deepEqual([taken?.status, taken?.text.slice(0, 21)], ['fail', 'none: tflite (LiteRT)']);
      },
    ));

  it('prints lines for people, plain where that is no terminal', () =>
    inFolder('vision: { driver: simulated }\n', async (folder) => {
      const doctor = new Sortbin(['doctor', '--runtime', 'edgetpu'], folder);
      assert.equal(await doctor.ended(), 0);
      assert.equal(doctor.stderr, '');
      const text = doctor.output.join('\n');
      assert.match(text, /^configuration\n {2}✓ file {4}sortbin\.yaml is valid\n/);
      assert.match(
        text,
        /\nruntimes\n {2}· edgetpu {2}not tried: .*\n {2}· taken {4}none: vision\.driver is simulated$/,
      );
      assert.ok(!text.includes('\u001b'));
    }));

  it('names what is wrong with the configuration first, looks at the rest, and exits with 78', () =>
    inFolder('vision: { runtime: gpu }\n', async (folder) => {
      const { code, report, checks } = await runReport(['doctor'], folder);
      assert.equal(code, 78);
      const [first] = report.sections[0]?.checks ?? [];
      assert.equal(first?.status, 'fail');
      assert.match(first?.text ?? '', /sortbin\.yaml:1: vision\.runtime: "gpu" is not allowed/);
      assert.equal(checks('bundle').bundle?.status, 'note');
      assert.equal(checks('runtimes').taken?.status, 'note');
    }));

  it('exits with 78 too where the policy does not fit the labels', () =>
    inFolder('policy: { compartments: { all: [paper] }, fallback: all }\n', async (folder) => {
      const { code, checks } = await runReport(['doctor', '--runtime', 'edgetpu'], folder);
      assert.equal(code, 78);
      assert.match(checks('configuration').policy?.text ?? '', /have no compartment/);
    }));

  it('exits with 65 where the bundle is damaged, and tries no runtime', async (t) => {
    const bundle = await copyBundle(t);
    await truncate(join(bundle, 'model_int8.tflite'), 1_000);
    await inBundle(bundle, '', async (folder) => {
      const { code, checks } = await runReport(['doctor'], folder);
      assert.equal(code, 65);
      assert.deepEqual(
        [checks('bundle').bundle?.status, checks('bundle').bundle?.code],
        ['fail', 'bundle-damaged'],
      );
      assert.match(checks('bundle').bundle?.text ?? '', /model_int8\.tflite: 1000 bytes, expected/);
      assert.deepEqual(Object.keys(checks('runtimes')), ['taken']);
    });
  });
});

describe('the runtimes', () => {
  const serves = (title: string): VisionInfo => ({
    model: { name: 'm', version: '1.0.0', sha256: '' },
    runtime: { name: 'tflite', backend: title, threads: 2 },
    title,
    golden: {
      samples: 8,
      exact: false,
      logitDifference: 0.25,
      embeddingCosine: 0.998,
      firstMs: 10,
      medianMs: 5,
    },
    skipped: [{ runtime: 'fast kernels', why: 'not here' }],
  });
  const examine = async (
    answers: Record<string, Answer<VisionInfo>>,
    wanted: RuntimesOptions['wanted'] = { by: 'auto', allows: () => true },
  ) => {
    const tried: string[] = [];
    const section = await examineRuntimes({
      ways: runtimeOptions(makeVisionOptions('/bundle')),
      bundle: await loadBundle(factoryBundle()),
      wanted,
      probe: async ({ title }) => {
        tried.push(title);
        return answers[title] ?? failed('native-unsupported', 'not for this machine');
      },
      exitCodes: { damaged: 65, unavailable: 69 },
    });
    const takes = section.checks.filter(({ taken }) => taken).map(({ name }) => name);
    return { section, tried, takes, statuses: section.checks.map(({ status }) => status) };
  };
  const both = {
    'tflite (TensorFlow Lite)': done(serves('tflite (TensorFlow Lite)')),
    'tfjs-wasm': done(serves('tfjs-wasm')),
  };

  it('are tried in the order of auto where the bundle has a model; the first that serves is taken', async () => {
    const { section, tried, takes, statuses } = await examine(both);
    assert.deepEqual(tried, ['tflite (LiteRT)', 'tflite (TensorFlow Lite)', 'tfjs-node', 'tfjs-wasm']);
    assert.deepEqual(takes, ['tflite (TensorFlow Lite)']);
    assert.deepEqual(statuses, ['note', 'note', 'ok', 'note', 'ok', 'ok']);
    assert.equal(
      section.checks[2]?.text,
      'serves: tflite (TensorFlow Lite), 2 threads; 8 golden samples, within tolerance (logits at most 0.250 off, ' +
        'cosine 0.99800); 10.0 ms, then 5.0 ms; not on fast kernels: not here',
    );
    assert.equal(verdictOf([section]), 0);
  });

  it('are taken only where the configuration allows it', async () => {
    const allowed = (name: string) => ({
      by: name,
      allows: ({ runtime }: RuntimeOption) => runtime === name,
    });
    assert.deepEqual((await examine(both, allowed('tfjs-wasm'))).takes, ['tfjs-wasm']);
    const { takes, statuses, section } = await examine(both, allowed('tfjs-node'));
    assert.deepEqual(takes, []);
    assert.deepEqual(statuses, ['note', 'note', 'ok', 'fail', 'ok', 'fail']);
    assert.equal(verdictOf([section]), 69);
  });

  it('fail for the bundle where that is what is damaged', async () => {
    const damaged = failed('golden-picture', 'golden/a.jpg is missing');
    const { section } = await examine({ 'tflite (LiteRT)': damaged });
    assert.equal(verdictOf([section]), 65);
  });
});

describe('the machine', () => {
  it('is named as its firmware names it, as a Raspberry Pi is', () =>
    inFolder('', async (folder) => {
      await mkdir(join(folder, 'proc/device-tree'), { recursive: true });
      await writeFile(join(folder, 'proc/device-tree/model'), 'Raspberry Pi 5 Model B Rev 1.0\0');
      const { checks } = await examineMachine(folder);
      assert.equal(checks.find(({ name }) => name === 'board')?.text, 'Raspberry Pi 5 Model B Rev 1.0');
    }));
});

describe('the accelerators', () => {
  it('are named with their place, speed and temperature', () =>
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
            '/sys/bus/usb/devices/1-2, 480 Mbit/s, much slower than at a USB 3 port: plug it into a blue one, ' +
              'its firmware is loaded at the first use',
          ],
        ],
      );
    }));

  it('are none where there are none', () =>
    inFolder('', async (folder) => {
      const { checks } = await examineAccelerators(folder);
      assert.deepEqual(checks, [{ name: 'edgetpu', status: 'note', text: 'none found' }]);
    }));
});

describe('a report', () => {
  const section: Section = {
    title: 'parts',
    exitCode: 69,
    checks: [
      { name: 'lid', status: 'ok', text: 'shut' },
      {
        name: 'gate',
        status: 'fail',
        text: 'does not come home after a long time\u001b[2J, see the manual of it',
      },
    ],
  };

  it('wraps at the columns of the terminal, and shows no control character of what it tells', () => {
    assert.equal(
      renderSection(section, { colour: false, columns: 42 }),
      'parts\n  ✓ lid   shut\n  ✗ gate  does not come home after a long\n          time\ufffd[2J, see the manual of it\n',
    );
  });

  it('has colours where it may', () => {
    const text = renderSection(section, { colour: true, columns: 200 });
    assert.ok(text.startsWith('\u001b[1mparts\u001b[0m\n  \u001b[32m✓\u001b[0m lid'));
  });

  it('ends with the exit code of the first section that failed', () => {
    const well = { ...section, exitCode: 78, checks: section.checks.slice(0, 1) };
    assert.equal(verdictOf([well, section, { ...section, exitCode: 65 }]), 69);
    assert.equal(verdictOf([well]), 0);
  });
});
