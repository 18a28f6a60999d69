/**
 * `npm run test:tfjs-node`: builds `@tensorflow/tfjs-node` against the libtensorflow of the training environment's
 * Python wheel, in a folder of its own, and has it pass the factory bundle's golden samples. For machines where the
 * package's own download cannot be reached; it needs g++, make, Python and Node's headers.
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
import { passGolden } from '../../device/perception/inference/golden/golden.js';
import { openTfjsNode } from '../../device/perception/inference/tfjs/tfjs-node.js';
import { decode, findRegion, resize } from '../../device/perception/vision/preprocess.js';
import { percentiles } from '../../device/tools/bench/report.js';

const VERSION = '4.22.0';
const RUNS = 50;
const run = promisify(execFile);
const say = (line: string) => process.stdout.write(`${line}\n`);

/** The tensorflow folder of the training environment. */
const wheel = async (): Promise<string> => {
  const lib = join(packageRoot(), 'training', '.venv', 'lib');
  const pythons = await readdir(lib).catch(() => []);
  for (const python of pythons) {
    const folder = join(lib, python, 'site-packages', 'tensorflow');
    const there = await access(join(folder, 'libtensorflow_cc.so.2')).then(
      () => true,
      () => false,
    );
    if (there) return folder;
  }
  throw new Error(`${lib}: no TensorFlow; run training/setup`);
};

const build = async (folder: string, tensorflow: string): Promise<string> => {
  await writeFile(join(folder, 'package.json'), '{"private":true}');
  const options = { cwd: folder, timeout: 300_000, maxBuffer: 1 << 26 };
  await run(
    'npm',
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', `@tensorflow/tfjs-node@${VERSION}`],
    options,
  );
  const made = join(folder, 'node_modules', '@tensorflow', 'tfjs-node');
  await mkdir(join(made, 'deps', 'lib'), { recursive: true });
  await symlink(join(tensorflow, 'include'), join(made, 'deps', 'include'));
  for (const [from, to] of [
    ['libtensorflow_cc.so.2', 'libtensorflow_cc.so.2'],
    ['libtensorflow_cc.so.2', 'libtensorflow.so'],
    ['libtensorflow_framework.so.2', 'libtensorflow_framework.so.2'],
    ['libtensorflow_framework.so.2', 'libtensorflow_framework.so'],
  ] as const) {
    await symlink(join(tensorflow, from), join(made, 'deps', 'lib', to));
  }
  const node = dirname(dirname(await realpath(process.execPath)));
  const gyp = join(folder, 'node_modules', '.bin', 'node-pre-gyp');
  await run(gyp, ['install', '--build-from-source', `--nodedir=${node}`], { ...options, cwd: made });
  return pathToFileURL(join(made, 'dist', 'index.js')).href;
};

const prove = async (entry: string): Promise<void> => {
  const bundle = await loadBundle(join(packageRoot(), 'deploy', 'model'));
  const { input, runtimes } = bundle.manifest;
  if (!runtimes.tfjs) throw new Error('the factory bundle has no model for TensorFlow.js');
  const interpreter = await openTfjsNode({
    model: await readBundleFile(bundle, runtimes.tfjs),
    weights: await Promise.all(runtimes.tfjs.weights.map((file) => readBundleFile(bundle, file))),
    package: entry,
  });
  const prepare = async (bytes: Uint8Array) => {
    const picture = await decode(bytes);
    if (!picture.ok) throw new Error(picture.fault.message);
    return resize(picture.value, findRegion(picture.value), input);
  };
  const golden = await passGolden(bundle, 'tfjs', interpreter, prepare, () => performance.now());
  if (!golden.ok) throw new Error(golden.fault.message);
  const elapsed: number[] = [];
  const picture = new Uint8Array(input.width * input.height * 3).fill(90);
  for (let count = 0; count < RUNS; count++) {
    const startMs = performance.now();
    await interpreter.invoke(picture);
    elapsed.push(performance.now() - startMs);
  }
  await interpreter.close();
  const { samples, logitDifference, embeddingCosine } = golden.value;
  say(
    `${interpreter.backend}, ${interpreter.threads} thread: ${samples} golden samples passed (logits at most ${logitDifference.toFixed(4)} off, ` +
      `cosine ${embeddingCosine.toFixed(6)}); p50 ${percentiles(elapsed).p50.toFixed(1)} ms; ` +
      `${Math.round(process.memoryUsage.rss() / (1 << 20))} MB`,
  );
};

const folder = await mkdtemp(join(tmpdir(), 'sortbin-tfjs-node-'));
try {
  say(`building @tensorflow/tfjs-node ${VERSION} in ${folder}`);
  await prove(await build(folder, await wheel()));
} catch (thrown) {
  process.stderr.write(`test:tfjs-node: ${messageOf(thrown)}\n`);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
