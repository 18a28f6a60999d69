/**
 * `npm run test:tfjs-node`: builds `@tensorflow/tfjs-node` in a temporary folder and runs the factory bundle's golden
 * samples on it. It links libtensorflow from the Python wheel of the training environment, for machines that cannot
 * reach the download of the package. It needs g++, make, Python and the headers of Node.
 */
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { messageOf } from '../../device/kit/errors.js';
import { packageRoot } from '../../device/kit/root.js';
import { loadBundle, readBundleFile } from '../../device/perception/inference/bundle/bundle.js';
import { checkGoldenSamples } from '../../device/perception/inference/golden/golden.js';
import { openTfjsNode } from '../../device/perception/inference/tfjs/tfjs-node.js';
import { prepare as prepareImage } from '../../device/perception/vision/classifier.js';
import { percentiles } from '../../device/tools/bench/report.js';

const VERSION = '4.22.0';
const RUNS = 50;
const run = promisify(execFile);
const print = (line: string) => process.stdout.write(`${line}\n`);

/** Returns the tensorflow folder of the training environment. */
const wheel = async (): Promise<string> => {
  const lib = join(packageRoot(), 'training', '.venv', 'lib');
  const pythons = await readdir(lib).catch(() => []);
  for (const python of pythons) {
    const folder = join(lib, python, 'site-packages', 'tensorflow');
    const exists = await access(join(folder, 'libtensorflow_cc.so.2')).then(
      () => true,
      () => false,
    );
    if (exists) return folder;
  }
  throw new Error(`${lib}: TensorFlow not found. Run training/setup.`);
};

const build = async (folder: string, tensorflow: string): Promise<string> => {
  await writeFile(join(folder, 'package.json'), '{"private":true}');
  const options = { cwd: folder, timeout: 300_000, maxBuffer: 1 << 26 };
  await run(
    'npm',
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', `@tensorflow/tfjs-node@${VERSION}`],
    options,
  );
  const installed = join(folder, 'node_modules', '@tensorflow', 'tfjs-node');
  await mkdir(join(installed, 'deps', 'lib'), { recursive: true });
  await symlink(join(tensorflow, 'include'), join(installed, 'deps', 'include'));
  for (const [from, to] of [
    ['libtensorflow_cc.so.2', 'libtensorflow_cc.so.2'],
    ['libtensorflow_cc.so.2', 'libtensorflow.so'],
    ['libtensorflow_framework.so.2', 'libtensorflow_framework.so.2'],
    ['libtensorflow_framework.so.2', 'libtensorflow_framework.so'],
  ] as const) {
    await symlink(join(tensorflow, from), join(installed, 'deps', 'lib', to));
  }
  const node = dirname(dirname(await realpath(process.execPath)));
  const gyp = join(folder, 'node_modules', '.bin', 'node-pre-gyp');
  await run(gyp, ['install', '--build-from-source', `--nodedir=${node}`], { ...options, cwd: installed });
  return pathToFileURL(join(installed, 'dist', 'index.js')).href;
};

const check = async (entry: string): Promise<void> => {
  const bundle = await loadBundle(join(packageRoot(), 'deploy', 'model'));
  const { input, runtimes } = bundle.manifest;
  if (!runtimes.tfjs) throw new Error('deploy/model: no model for TensorFlow.js');
  const interpreter = await openTfjsNode({
    model: await readBundleFile(bundle, runtimes.tfjs),
    weights: await Promise.all(runtimes.tfjs.weights.map((file) => readBundleFile(bundle, file))),
    package: entry,
  });
  const prepare = (file: Uint8Array) => prepareImage(file, bundle);
  const golden = await checkGoldenSamples(bundle, 'tfjs', interpreter, prepare, () => performance.now());
  if (!golden.ok) throw new Error(golden.fault.message);
  const elapsed: number[] = [];
  const image = new Uint8Array(input.width * input.height * 3).fill(90);
  for (let count = 0; count < RUNS; count++) {
    const startMs = performance.now();
    await interpreter.invoke(image);
    elapsed.push(performance.now() - startMs);
  }
  await interpreter.close();
  const { samples, logitDifference, embeddingCosine } = golden.value;
  print(
    `${interpreter.backend}, ${interpreter.threads} thread: ${samples} golden samples passed. Logits differ by at most ${logitDifference.toFixed(4)}, ` +
      `cosine similarity ${embeddingCosine.toFixed(6)}, p50 ${percentiles(elapsed).p50.toFixed(1)} ms, ` +
      `${Math.round(process.memoryUsage.rss() / (1 << 20))} MB`,
  );
};

const folder = await mkdtemp(join(tmpdir(), 'sortbin-tfjs-node-'));
try {
  print(`building @tensorflow/tfjs-node ${VERSION} in ${folder}`);
  await check(await build(folder, await wheel()));
} catch (thrown) {
  process.stderr.write(`test:tfjs-node: ${messageOf(thrown)}\n`);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
