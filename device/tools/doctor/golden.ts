import { SortbinError } from '../../kit/errors.js';
import type { Bundle } from '../../perception/inference/bundle/bundle.js';
import type { BundleRuntime } from '../../perception/inference/bundle/manifest.js';
import { goldenCoverage } from '../../perception/inference/golden/answers.js';
import type { Check } from './doctor.js';

/** Names what the golden samples of a bundle prove, and what they do not prove. */
export const examineGolden = async (bundle: Bundle): Promise<Check[]> => {
  const checks: Check[] = [];
  for (const [name, file] of Object.entries(bundle.manifest.runtimes))
    if (file) checks.push(...(await examine(bundle, name as BundleRuntime)));
  return checks;
};

const examine = async (bundle: Bundle, runtime: BundleRuntime): Promise<Check[]> => {
  const { labels, policy } = bundle.manifest;
  const note = (what: string, text: string): Check => ({ name: `${runtime} ${what}`, status: 'note', text });
  try {
    const { hasLabels, unshown, samples, telling, clear, maxConfidence } = await goldenCoverage(
      bundle,
      runtime,
    );
    const names = unshown.join(', ');
    const text = `no golden sample clearly shows ${names} (${unshown.length} of ${labels.length} labels)`;
    const shown: Check =
      unshown.length === 0
        ? { name: `${runtime} labels`, status: 'ok', text: 'a golden sample clearly shows each label' }
        : note('labels', text);
    const notes: Check[] = [];
    if (!hasLabels)
      notes.push(note('label order', 'the golden answers do not name their labels. Export the bundle again'));
    if (telling < samples / 2)
      notes.push(
        note(
          'tolerance',
          `in ${samples - telling} of ${samples} expected answers, the logits differ by at most twice maxLogitDifference`,
        ),
      );
    if (clear === 0)
      notes.push(
        note('clear answers', 'no expected answer is clear, so that other kernels may give other labels'),
      );
    if (maxConfidence < policy.confidence)
      notes.push(
        note(
          'confidence',
          `the highest confidence is ${maxConfidence.toFixed(2)}, below policy.confidence ${policy.confidence}`,
        ),
      );
    return [{ ...shown, unshown }, ...notes];
  } catch (thrown) {
    if (!(thrown instanceof SortbinError)) throw thrown;
    return [{ name: `${runtime} labels`, status: 'fail', text: thrown.message, code: thrown.code }];
  }
};
