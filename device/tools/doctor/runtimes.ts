import { type Answer, failed } from '../../kit/errors.js';
import type { Bundle } from '../../perception/inference/bundle/bundle.js';
import type { GoldenResult } from '../../perception/inference/golden/golden.js';
import { hasModel, type RuntimeOption } from '../../perception/vision/probe.js';
import type { VisionInfo } from '../../perception/vision/vision.js';
import { type Check, countText, type Section } from './doctor.js';

export interface RuntimesOptions {
  /** The runtimes to test, in order of preference. */
  readonly candidates: readonly RuntimeOption[];
  readonly bundle: Bundle;
  /** Selects the runtime. `by` names the setting that allows a runtime. null: the bin uses no runtime. */
  readonly selection: { readonly by: string; allows(option: RuntimeOption): boolean } | null;
  /** Tests a runtime in its own vision process. */
  readonly probe: (option: RuntimeOption) => Promise<Answer<VisionInfo>>;
  readonly exitCodes: { readonly damaged: number; readonly unavailable: number };
}

/** Tests one runtime after the other, and names the runtime that the bin would use. */
export const examineRuntimes = async (options: RuntimesOptions): Promise<Section> => {
  const { candidates, bundle, selection, exitCodes } = options;
  const results: { readonly option: RuntimeOption; readonly answer: Answer<VisionInfo> }[] = [];
  for (const option of candidates) {
    const answer = hasModel(bundle.manifest, option) ? await options.probe(option) : noModel(bundle, option);
    results.push({ option, answer });
  }
  const selected =
    results.find(({ option, answer }) => answer.ok && selection?.allows(option))?.option ?? null;
  const isDamaged = results.some(({ answer }) => !answer.ok && DAMAGE.has(answer.fault.code));
  const checks = results.map(({ option, answer }): Check => {
    const allowed = selection?.allows(option) ?? false;
    const { title: name, runtime, binding } = option;
    const common = { runtime, binding, allowed, taken: option === selected, serves: answer.ok };
    if (answer.ok) {
      const { golden, skipped } = answer.value;
      const { backend, threads } = answer.value.runtime;
      return {
        name,
        status: 'ok',
        text: usableText(answer.value),
        ...common,
        backend,
        threads,
        golden,
        passedOver: skipped,
      };
    }
    const { code, message } = answer.fault;
    const status = allowed && selected === null ? 'fail' : 'note';
    return { name, status, text: message, ...common, code };
  });
  return {
    title: 'runtimes',
    exitCode: isDamaged ? exitCodes.damaged : exitCodes.unavailable,
    checks: [...checks, selectedCheck(selected, options)],
  };
};

/** Returns the section if no bundle is available. */
export const noRuntimes = (exitCode: number): Section => ({
  title: 'runtimes',
  exitCode,
  checks: [{ name: SELECTED, status: 'note', text: 'not tested, because no bundle is available' }],
});

/** The name of the check in --json. */
const SELECTED = 'taken';

/** A damaged golden image appears only in a test, because the manifest does not list the golden images. */
const DAMAGE = new Set(['bundle-missing', 'bundle-invalid', 'bundle-damaged', 'golden-picture']);

const selectedCheck = (selected: RuntimeOption | null, { selection, candidates }: RuntimesOptions): Check => {
  const name = SELECTED;
  if (selection === null) return { name, status: 'note', text: 'none: vision.driver is simulated' };
  if (selected)
    return { name, status: 'ok', text: `${selected.title}, the first usable runtime (${selection.by})` };
  const allowed = candidates.filter((option) => selection.allows(option)).map(({ title }) => title);
  return {
    name,
    status: 'fail',
    text: `none: ${allowed.join(', ')} (${selection.by}) cannot run this bundle on this machine`,
  };
};

const noModel = ({ manifest }: Bundle, { runtime }: RuntimeOption) =>
  failed(
    'bundle-incompatible',
    `not tested: bundle ${manifest.name} ${manifest.version} has no model for ${runtime}.` +
      (runtime === 'edgetpu' ? ' Compile one, then add it with `sortbin model add-edgetpu`.' : ''),
  );

const usableText = ({ runtime, golden, skipped }: VisionInfo): string =>
  [
    `usable: ${runtime.backend}, ${countText(runtime.threads, 'thread')}.`,
    ...(golden
      ? [
          `${goldenText(golden)}.`,
          `First run ${golden.firstMs.toFixed(1)} ms, then ${golden.medianMs.toFixed(1)} ms.`,
        ]
      : []),
    ...skipped.map(({ runtime: name, why }) => `Skipped ${name}: ${why.replace(/\.$/, '')}.`),
  ].join(' ');

const goldenText = ({ samples, exact, logitDifference, embeddingCosine }: GoldenResult): string => {
  const passed = `${countText(samples, 'golden sample')} passed`;
  if (exact) return `${passed}, bit-identical`;
  return `${passed} within tolerance (largest logit difference ${logitDifference.toFixed(3)}, smallest cosine ${embeddingCosine.toFixed(5)})`;
};
