import { type Answer, failed } from '../../kit/errors.js';
import type { Bundle } from '../../perception/inference/bundle/bundle.js';
import type { GoldenResult } from '../../perception/inference/golden/golden.js';
import { MODEL_OF } from '../../perception/inference/runtimes.js';
import type { RuntimeOption } from '../../perception/vision/probe.js';
import type { VisionInfo } from '../../perception/vision/vision.js';
import { type Check, countText, type Section } from './doctor.js';

export interface RuntimesOptions {
  /** Those that are looked at, in the order in which they would be taken. */
  readonly candidates: readonly RuntimeOption[];
  readonly bundle: Bundle;
  /** Which may be taken, and who says so; null: none is asked for. */
  readonly selection: { readonly by: string; allows(way: RuntimeOption): boolean } | null;
  /** In a child of its own. */
  readonly probe: (way: RuntimeOption) => Promise<Answer<VisionInfo>>;
  readonly exitCodes: { readonly damaged: number; readonly unavailable: number };
}

/** Tries one way after the other, each in a child of its own, and says which one would be taken. */
export const examineRuntimes = async (options: RuntimesOptions): Promise<Section> => {
  const { candidates: ways, bundle, selection: wanted, exitCodes } = options;
  const tried: { readonly way: RuntimeOption; readonly answer: Answer<VisionInfo> }[] = [];
  for (const way of ways) {
    const runs = bundle.manifest.runtimes[MODEL_OF[way.runtime]] !== undefined;
    tried.push({ way, answer: runs ? await options.probe(way) : lacking(bundle, way) });
  }
  const taken = tried.find(({ way, answer }) => answer.ok && wanted?.allows(way))?.way ?? null;
  const damaged = tried.some(({ answer }) => !answer.ok && DAMAGE.has(answer.fault.code));
  const checks = tried.map(({ way, answer }): Check => {
    const allowed = wanted?.allows(way) ?? false;
    const { title: name, runtime, binding } = way;
    const about = { runtime, binding, allowed, taken: way === taken, serves: answer.ok };
    if (answer.ok) {
      const { runtime: kernels, golden, skipped } = answer.value;
      const { backend, threads } = kernels;
      return {
        name,
        status: 'ok',
        text: servingText(answer.value),
        ...about,
        backend,
        threads,
        golden,
        skipped,
      };
    }
    const { code, message } = answer.fault;
    return { name, status: allowed && taken === null ? 'fail' : 'note', text: message, ...about, code };
  });
  return {
    title: 'runtimes',
    exitCode: damaged ? exitCodes.damaged : exitCodes.unavailable,
    checks: [...checks, takenCheck(taken, options)],
  };
};

/** Where there is no bundle to try them with. */
export const noRuntimes = (exitCode: number): Section => ({
  title: 'runtimes',
  exitCode,
  checks: [{ name: 'taken', status: 'note', text: 'not tried: there is no bundle to try them with' }],
});

/** Golden pictures are no files of the manifest: that they are damaged shows when they are run. */
const DAMAGE = new Set(['bundle-missing', 'bundle-invalid', 'bundle-damaged', 'golden-picture']);

const takenCheck = (
  taken: RuntimeOption | null,
  { selection: wanted, candidates: ways }: RuntimesOptions,
): Check => {
  const name = 'taken';
  if (wanted === null) return { name, status: 'note', text: 'none: vision.driver is simulated' };
  if (taken) return { name, status: 'ok', text: `${taken.title}, the first that serves (${wanted.by})` };
  const tried = ways.filter((way) => wanted.allows(way)).map(({ title }) => title);
  return {
    name,
    status: 'fail',
    text: `none: ${tried.join(', ')} (${wanted.by}) cannot serve this bundle here`,
  };
};

const lacking = ({ manifest }: Bundle, { runtime }: RuntimeOption) =>
  failed(
    'bundle-incompatible',
    `not tried: bundle ${manifest.name} ${manifest.version} has no model for it` +
      (runtime === 'edgetpu' ? '; compile one and add it by sortbin model add-edgetpu' : ''),
  );

const servingText = ({ runtime, golden, skipped }: VisionInfo): string =>
  [
    `serves: ${runtime.backend}, ${countText(runtime.threads, 'thread')}`,
    ...(golden
      ? [goldenText(golden), `${golden.firstMs.toFixed(1)} ms, then ${golden.medianMs.toFixed(1)} ms`]
      : []),
    ...skipped.map(({ runtime: name, why }) => `not on ${name}: ${why}`),
  ].join('; ');

const goldenText = ({ samples, exact, logitDifference, embeddingCosine }: GoldenResult): string => {
  const passed = countText(samples, 'golden sample');
  if (exact) return `${passed}, equal bits`;
  return `${passed}, within tolerance (logits at most ${logitDifference.toFixed(3)} off, cosine ${embeddingCosine.toFixed(5)})`;
};
