import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { copyBundle, quickBundle } from '../support/bundle-copy.js';
import { RoughBroker } from '../support/network/rough-broker.js';
import { runReport } from '../support/run-report.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';

const inBundle = (bundle: string, rest: string, use: (folder: string) => Promise<void>) =>
  inFolder(`model: { bundle: ${bundle} }\n${rest}`, use);

describe('sortbin doctor', () => {
  it('tests every runtime in a vision process, reports each result, and names the selected runtime', async (t) =>
    inBundle(await quickBundle(t), 'vision: { tflite: { binding: tensorflowlite } }\n', async (folder) => {
      const { code, report, checks, stderr } = await runReport(
        ['doctor', '--runtime', 'edgetpu', 'tflite'],
        folder,
      );
      assert.equal(code, 0);
      assert.deepEqual([report.schema, report.exitCode, stderr], [1, 0, '']);
      assert.deepEqual(
        report.sections.map(({ title }) => title),
        ['configuration', 'machine', 'bundle', 'accelerators', 'lines', 'camera', 'broker', 'runtimes'],
      );
      const {
        edgetpu,
        'tflite (LiteRT)': litert,
        'tflite (TensorFlow Lite)': tflite,
        taken,
      } = checks('runtimes');
      assert.deepEqual([edgetpu?.serves, edgetpu?.code], [false, 'bundle-incompatible']);
      assert.match(
        edgetpu?.text ?? '',
        /^not tested: .* has no model for edgetpu\. .*`sortbin model add-edgetpu`\.$/,
      );
      // The configuration does not allow it, but the doctor tests it.
      assert.deepEqual([litert?.allowed, litert?.taken], [false, false]);
      assert.equal(typeof litert?.serves, 'boolean');
      assert.deepEqual([tflite?.serves, tflite?.taken, tflite?.backend], [true, true, 'xnnpack-2.9']);
      const golden = tflite?.golden as Record<string, unknown>;
      assert.deepEqual([golden.samples, golden.exact, golden.logitDifference], [1, true, 0]);
      assert.match(
        tflite?.text ?? '',
        /^usable: xnnpack-2\.9, 1 thread\. 1 golden sample passed, bit-identical\. First run [\d.]+ ms, then/,
      );
      assert.match(taken?.text ?? '', /^tflite \(TensorFlow Lite\), the first usable runtime/);
      assert.equal(checks('configuration').policy?.status, 'ok');
      assert.equal(checks('machine').node?.text, process.versions.node);
      assert.equal(checks('bundle').labels?.text, '12 labels');
    }));

  it('survives a library that hangs, and exits with 69 if no allowed runtime is usable', async (t) =>
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

  it('prints plain text if the output is not a terminal', () =>
    inFolder('vision: { driver: simulated }\n', async (folder) => {
      const doctor = new Sortbin(['doctor', '--runtime', 'edgetpu'], folder);
      assert.equal(await doctor.ended(), 0);
      assert.equal(doctor.stderr, '');
      const text = doctor.output.join('\n');
      assert.match(text, /^configuration\n {2}✓ file {4}sortbin\.yaml is valid\n/);
      assert.match(
        text,
        /\nruntimes\n {2}· edgetpu {3}not tested: .*\n {2}· selected {2}none: vision\.driver is simulated$/,
      );
      assert.ok(!text.includes('\u001b'));
    }));

  it('reports an invalid configuration first, checks the rest, and exits with 78', () =>
    inFolder('vision: { runtime: gpu }\n', async (folder) => {
      const { code, report, checks } = await runReport(['doctor'], folder);
      assert.equal(code, 78);
      const [first] = report.sections[0]?.checks ?? [];
      assert.equal(first?.status, 'fail');
      assert.match(first?.text ?? '', /sortbin\.yaml:1: vision\.runtime: "gpu" is not allowed/);
      assert.equal(checks('bundle').bundle?.status, 'note');
      assert.match(checks('camera').configured?.text ?? '', /the configuration is invalid/);
      assert.equal(checks('runtimes').taken?.status, 'note');
    }));

  it('reports a folder of the simulated camera that does not exist', () =>
    inFolder('camera: { folder: nowhere }\n', async (folder) => {
      const { code, checks } = await runReport(['doctor', '--runtime', 'edgetpu'], folder);
      assert.equal(code, 69);
      const { configured } = checks('camera');
      assert.deepEqual([configured?.status, configured?.code], ['fail', 'pictures-missing']);
      assert.match(configured?.text ?? '', /^camera\.folder: .*nowhere: cannot be listed/);
    }));

  it('connects to the broker, and names its URL without the login', async () => {
    const broker = await new RoughBroker().start();
    try {
      const url = `mqtt://u:secret@127.0.0.1:${broker.port}`;
      await inFolder(`mqtt: { url: '${url}' }\n`, async (folder) => {
        const { checks } = await runReport(['doctor', '--runtime', 'edgetpu'], folder);
        const { connection } = checks('broker');
        assert.deepEqual(
          [connection?.status, connection?.text],
          ['ok', `connected to mqtt://127.0.0.1:${broker.port}, test message published`],
        );
      });
    } finally {
      await broker.stop();
    }
  });

  it('asks a running bin for its connection, because both have one client id', async () => {
    const broker = await new RoughBroker().start();
    try {
      const config = 'vision: { driver: simulated }\ntrigger: { script: [] }\n';
      await inFolder(`${config}mqtt: { url: '${broker.url}' }\n`, async (folder) => {
        const bin = new Sortbin(['run'], folder);
        await bin.waitForCommands();
        await until('connected', () => broker.connects.length === 1);
        const { checks } = await runReport(['doctor', '--runtime', 'edgetpu'], folder);
        assert.equal(checks('broker').connection?.text, `the running bin is connected to ${broker.url}`);
        assert.equal(broker.connects.length, 1);
        bin.kill('SIGTERM');
        await bin.ended();
      });
    } finally {
      await broker.stop();
    }
  });

  it('reports a broker that cannot be reached, and with 78 a file that the bin could not use', async () => {
    const reportOf = async (mqtt: string) => {
      let report: Awaited<ReturnType<typeof runReport>> | undefined;
      await inFolder(`vision: { driver: simulated }\nmqtt: { ${mqtt} }\n`, async (folder) => {
        report = await runReport(['doctor', '--runtime', 'edgetpu'], folder);
      });
      return { code: report?.code, checks: report?.checks('broker') };
    };
    const { code, checks } = await reportOf(`url: 'mqtt://127.0.0.1:1'`);
    assert.deepEqual([code, checks?.connection?.code], [69, 'broker-unreachable']);
    const unusable = await reportOf(`url: 'mqtts://127.0.0.1:1', ca: none.pem`);
    assert.deepEqual([unusable.code, Object.keys(unusable.checks ?? {})], [78, ['ca']]);
    assert.match(unusable.checks?.ca?.text ?? '', /^mqtt\.ca: cannot read .*none\.pem: ENOENT/);
  });

  it('states that /dev/null is not a camera', () =>
    inFolder('camera: { driver: v4l2, device: /dev/null }\n', async (folder) => {
      const { checks } = await runReport(['doctor', '--runtime', 'edgetpu'], folder);
      assert.match(checks('camera').configured?.text ?? '', /^camera\.device: \/dev\/null is not a camera\./);
    }));

  it('exits with 78 if the policy does not match the labels', () =>
    inFolder('policy: { compartments: { all: [paper] }, fallback: all }\n', async (folder) => {
      const { code, checks } = await runReport(['doctor', '--runtime', 'edgetpu'], folder);
      assert.equal(code, 78);
      assert.match(checks('configuration').policy?.text ?? '', /have no compartment/);
    }));

  it('exits with 65 if the bundle is damaged, and tests no runtime', async (t) => {
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
