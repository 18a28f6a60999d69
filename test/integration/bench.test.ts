import assert from 'node:assert/strict';
import { cp, mkdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { BenchReport } from '../../device/tools/bench/report.js';
import { SAMPLES } from '../support/bin.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';

/** Runs `sortbin bench ... --json -`. The report is null if the command has failed. */
const runBenchCommand = async (args: readonly string[], folder: string) => {
  const bench = new Sortbin(['bench', ...args, '--json', '-'], folder);
  const code = await bench.ended();
  const text = bench.output.join('\n');
  return { code, report: (text ? JSON.parse(text) : null) as BenchReport | null, stderr: bench.stderr };
};

describe('sortbin bench', () => {
  it('sorts each sample image and sums up the results', () =>
    inFolder('', async (folder) => {
      const { code, report } = await runBenchCommand([SAMPLES], folder);
      assert.equal(code, 0);
      assert.ok(report);
      assert.equal(report.items.length, 47);
      assert.equal(report.labelled, 47);
      assert.deepEqual(report.skipped, []);
      assert.equal(report.runtime.backend, 'xnnpack-litert-2.3');
      // These kernels are bit-identical on all machines, so that the figures depend only on the model.
      const right = report.items.filter(({ label, predicted }) => label === predicted).length;
      assert.ok(right >= 40, `${right} of 47`);
      assert.equal(report.accuracy, Math.round((right / 47) * 1e4) / 1e4);
      const cells = Object.values(report.confusion).flatMap((row) => Object.values(row));
      assert.equal(
        cells.reduce((sum, count) => sum + count, 0),
        47,
      );
      const inside = Object.values(report.compartments).reduce(
        (sum, { right, wrong, unsure }) => sum + right + wrong + unsure,
        0,
      );
      assert.equal(inside + report.refused.right + report.refused.wrong, 47);
      for (const { decision, latencyMs, predicted, confidence, scores } of report.items) {
        assert.ok(decision.reason);
        assert.equal(Object.keys(scores).length, 12);
        assert.ok(Math.abs(Object.values(scores).reduce((sum, score) => sum + score, 0) - 1) < 1e-6);
        assert.ok(Math.abs((scores[predicted] ?? 0) - confidence) < 1e-4);
        for (const step of ['decode', 'region', 'invoke', 'total']) assert.ok(step in latencyMs, step);
      }
      const { p50, p95, p99 } = report.latencyMs.invoke ?? {};
      assert.ok((p50 ?? 0) > 0 && (p50 ?? 0) <= (p95 ?? 0) && (p95 ?? 0) <= (p99 ?? 0));
    }));

  it('skips and reports broken images, and accepts folders that are not named like a label', () =>
    inFolder('', async (folder) => {
      const pictures = join(folder, 'pictures');
      await mkdir(join(pictures, 'paper'), { recursive: true });
      await mkdir(join(pictures, 'unsorted'));
      await cp(join(SAMPLES, 'paper/paper18.jpg'), join(pictures, 'paper/a.jpg'));
      await cp(join(SAMPLES, 'paper/paper18.jpg'), join(pictures, 'paper/b-cut.jpg'));
      await truncate(join(pictures, 'paper/b-cut.jpg'), 4_000);
      await writeFile(join(pictures, 'paper/c-text.png'), 'no picture at all');
      await cp(join(SAMPLES, 'metal/metal280.jpg'), join(pictures, 'unsorted/d.jpg'));
      await writeFile(join(pictures, 'notes.txt'), 'not an image');
      const { code, report } = await runBenchCommand([pictures], folder);
      assert.equal(code, 0);
      assert.deepEqual(
        report?.items.map(({ file, label }) => [file, label]),
        [
          ['paper/a.jpg', 'paper'],
          ['unsorted/d.jpg', null],
        ],
      );
      assert.deepEqual(
        report?.skipped.map(({ file, code }) => [file, code]),
        [
          ['paper/b-cut.jpg', 'picture-broken'],
          ['paper/c-text.png', 'picture-broken'],
        ],
      );
      assert.equal(report?.labelled, 1);
    }));

  it('stops at its limit, and uses the configured policy and the named runtime', () =>
    inFolder('policy: { preset: twelve-way, confidence: 0, margin: 0 }\n', async (folder) => {
      const { report } = await runBenchCommand([SAMPLES, '--limit', '3', '--runtime', 'tflite'], folder);
      assert.deepEqual(
        report?.items.map(({ label }) => label),
        ['brown-glass', 'cardboard', 'green-glass'],
      );
      for (const { predicted, decision } of report?.items ?? [])
        assert.equal(decision.compartment, decision.reason === 'unfamiliar' ? 'trash' : predicted);
      assert.ok(report?.items.some(({ decision }) => decision.reason === 'confident'));
    }));

  it('runs on TensorFlow.js if it is named, and prints only the report', () =>
    inFolder('', async (folder) => {
      const { report, stderr } = await runBenchCommand(
        [SAMPLES, '--limit', '2', '--runtime', 'tfjs-wasm'],
        folder,
      );
      assert.equal(report?.runtime.name, 'tfjs-wasm');
      assert.match(report?.runtime.backend ?? '', /^wasm-/);
      assert.equal(report?.items.length, 2);
      assert.doesNotMatch(stderr, /TensorFlow/);
    }));

  it('counts the files that it leaves out, and hints at folders that are not labels', () =>
    inFolder('', async (folder) => {
      const pictures = join(folder, 'pictures');
      await cp(join(SAMPLES, 'paper/paper18.jpg'), join(pictures, 'papier/a.jpg'));
      await writeFile(join(pictures, 'phone.HEIC'), '');
      await writeFile(Buffer.from(`${pictures}/caf\xe9.jpg`, 'latin1'), '');
      await symlink('a.jpg', join(pictures, 'papier/b.jpg'));
      await symlink('papier', join(pictures, 'linked'));
      const { code, report } = await runBenchCommand([pictures], folder);
      assert.equal(code, 0);
      assert.equal(report?.complete, true);
      assert.deepEqual(report?.leftOut, [
        { file: 'caf\ufffd.jpg', reason: 'name' },
        { file: 'linked', reason: 'link' },
        { file: 'papier/b.jpg', reason: 'link' },
        { file: 'phone.HEIC', reason: 'format' },
      ]);
      assert.deepEqual(report?.unknownLabels, [{ folder: 'papier', images: 1, similar: 'paper' }]);
    }));

  it('counts what it leaves out, by its kind, if no image is left', () =>
    inFolder('', async (folder) => {
      const images = join(folder, 'images');
      await mkdir(images);
      for (const name of ['a.heic', 'b.HEIC', 'notes.txt']) await writeFile(join(images, name), '');
      await symlink('a.jpg', join(images, 'b.jpg'));
      const { code, stderr } = await runBenchCommand([images], folder);
      assert.equal(code, 66);
      assert.match(
        stderr,
        /contains no \.jpg, .* file\. Left out: 2 \.heic, which is not supported; 1 symbolic link; 1 other file\. Give/,
      );
    }));

  it('exits with 65 if each image is skipped', () =>
    inFolder('', async (folder) => {
      await writeFile(join(folder, 'broken.jpg'), 'no picture');
      const { code, report, stderr } = await runBenchCommand(['.'], folder);
      assert.equal(code, 65);
      assert.equal(report?.skipped.length, 1);
      assert.match(stderr, /No image could be classified/);
    }));

  for (const [signal, exit] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    it(`exits with ${exit} after ${signal}, with a report that is not complete`, () =>
      inFolder('', async (folder) => {
        const pictures = join(folder, 'pictures', 'paper');
        for (let copy = 0; copy < 400; copy++)
          await cp(join(SAMPLES, 'paper/paper18.jpg'), join(pictures, `${copy}.jpg`));
        const bench = new Sortbin(['bench', 'pictures', '--json', '-'], folder);
        await until(
          () => `the progress, but found: ${bench.stderr}`,
          () => bench.stderr.includes('/400'),
          30_000,
        );
        process.kill(bench.pid, signal);
        assert.equal(await bench.ended(), exit);
        const report = JSON.parse(bench.output.join('\n')) as BenchReport;
        assert.equal(report.complete, false);
        assert.ok(report.items.length < 400);
      }));

  it('prints a table of thresholds, and writes the chosen one into the configuration', () =>
    inFolder('# my bin\npolicy:\n  preset: four-way # four\n', async (folder) => {
      const args = [SAMPLES, '--limit', '8', '--margin', '0.2', '--set-confidence', '0.83'];
      const { code, report, stderr } = await runBenchCommand(args, folder);
      assert.equal(code, 0, stderr);
      assert.match(stderr, /policy\.confidence 0\.83, policy\.margin 0\.2 written/);
      assert.equal(report?.thresholds?.items, 8);
      assert.equal(report?.thresholds?.margin, 0.2);
      const { confidence } = report?.thresholds?.rows.find(({ present }) => present) ?? {};
      assert.equal(confidence, 0.91);
      const text = await readFile(join(folder, 'sortbin.yaml'), 'utf8');
      assert.match(text, /^# my bin\npolicy:\n/);
      assert.match(text, /\n {2}preset: four-way # four\n/);
      assert.match(text, /\n {2}confidence: 0\.83\n/);
      assert.match(text, /\n {2}margin: 0\.2\n/);
    }));

  it('writes into an empty section, and refuses before the work what it cannot write or what has no effect', () =>
    inFolder('policy:\n  # confidence: 0.9\n', async (folder) => {
      const args = [SAMPLES, '--limit', '8'];
      const useless = await runBenchCommand([...args, '--set-confidence', '0.85'], folder);
      assert.deepEqual([useless.code, useless.report], [64, null], useless.stderr);
      assert.match(
        useless.stderr,
        /--set-confidence 0\.85 would have no effect, because policy\.margin is 0\.9\./,
      );
      const { code, stderr } = await runBenchCommand([...args, '--set-confidence', '0.95'], folder);
      assert.equal(code, 0, stderr);
      const file = join(folder, 'sortbin.yaml');
      assert.equal(await readFile(file, 'utf8'), 'policy:\n  confidence: 0.95\n  # confidence: 0.9\n');
      await writeFile(file, 'policy: { confidence: &c 0.5, margin: *c }\n');
      const unwritable = await runBenchCommand([...args, '--set-confidence', '0.95'], folder);
      assert.deepEqual([unwritable.code, unwritable.report], [73, null], unwritable.stderr);
    }));

  it('refuses to write a threshold without a configuration file, before the work', () =>
    inFolder('', async (folder) => {
      await rm(join(folder, 'sortbin.yaml'));
      const { code, stderr } = await runBenchCommand([SAMPLES, '--set-confidence', '0.8'], folder);
      assert.equal(code, 78);
      assert.match(stderr, /no configuration file to write to\. Create one with `sortbin config init`/);
    }));

  const wrong: [string, string[], number, RegExp][] = [
    [
      'a report that cannot be written',
      [SAMPLES, '--json', '/no/such/x.json'],
      73,
      /--json \/no\/such\/x\.json: cannot be written \(ENOENT/,
    ],
    [
      'a table of thresholds without labels',
      [join(SAMPLES, 'paper'), '--thresholds'],
      66,
      /No folder of images is named like a label .* named battery, biological,/,
    ],
    ['a missing folder', ['nowhere'], 66, /nowhere: cannot be listed.*ENOENT/],
    ['a folder without images', ['.'], 66, /contains no \.jpg, \.jpeg, \.png, \.webp file/],
    [
      'an unknown runtime',
      ['.', '--runtime', 'gpu'],
      64,
      /Allowed choices are auto, edgetpu, tflite, tfjs-node, tfjs-wasm/,
    ],
  ];
  for (const [what, args, exit, message] of wrong)
    it(`refuses ${what}`, () =>
      inFolder('', async (folder) => {
        const bench = new Sortbin(['bench', '--json', '-', ...args], folder);
        const code = await bench.ended();
        const { stderr } = bench;
        assert.equal(code, exit);
        assert.match(stderr, message);
        assert.doesNotMatch(stderr, /\n\s+at /, 'no stack trace');
      }));
});
