import type { FrameFormat } from '../../hardware/camera/camera.js';
import type { Clock } from '../../kit/clock.js';
import { type Answer, done } from '../../kit/errors.js';
import { type Bundle, loadBundle } from '../inference/bundle/bundle.js';
import { dequantise, scoreItem } from '../inference/calibration.js';
import { candidatesOf } from '../inference/candidates.js';
import { type ActiveRuntime, type Candidate, openFirst } from '../inference/chain.js';
import type { PreparedImage } from '../inference/golden/inputs.js';
import { logitsSpec, outputOf } from '../inference/outputs.js';
import { decode } from './decode.js';
import { exposureFault } from './exposure.js';
import { centreCrop, findRegion, type Region, resize } from './preprocess.js';
import type { VisionOptions } from './protocol.js';
import type { DecodedImage } from './raw.js';
import type { Classification, PictureFault, VisionInfo } from './vision.js';

/** Classifies frames with one bundle in one runtime. */
export class Classifier {
  private constructor(
    readonly info: VisionInfo,
    private readonly bundle: Bundle,
    private readonly active: ActiveRuntime,
    private readonly clock: Clock,
  ) {}

  /**
   * Loads the bundle and opens the first runtime that passes its golden samples.
   * @throws BundleError, GoldenError, ChainError, or the error of the runtime if the options allow only one
   */
  static async open(
    { bundle: folder, ...options }: VisionOptions,
    clock: Clock,
    onTry?: (candidate: Candidate) => void,
  ): Promise<Classifier> {
    const bundle = await loadBundle(folder);
    const active = await openFirst(bundle, {
      candidates: candidatesOf(options),
      skip: options.skip,
      prepare: (bytes) => prepare(bytes, bundle),
      monotonicMs: () => clock.monotonicMs(),
      ...(onTry ? { onTry } : {}),
    });
    const { candidate, model, interpreter, golden } = active;
    const { name, version, runtimes } = bundle.manifest;
    const info: VisionInfo = {
      model: { name, version, sha256: runtimes[model]?.sha256 ?? '' },
      runtime: { name: candidate.runtime, backend: interpreter.backend, threads: interpreter.threads },
      title: candidate.title,
      golden,
      skipped: [...active.skipped, ...interpreter.skipped],
    };
    return new Classifier(info, bundle, active, clock);
  }

  /** Classifies one image at a time. @throws InterpreterError, CalibrationError if the runtime fails */
  async classify(bytes: Uint8Array, format?: FrameFormat): Promise<Answer<Classification, PictureFault>> {
    const { views, labels } = this.bundle.manifest;
    const startMs = this.clock.monotonicMs();
    const image = await decode(bytes, format);
    if (!image.ok) return image;
    const decodedMs = this.clock.monotonicMs();

    const region = findRegion(image.value);
    const inputs = await viewsOf(image.value, region, this.bundle);
    if (!inputs.ok) return inputs;
    const preparedMs = this.clock.monotonicMs();

    const { interpreter, model } = this.active;
    const spec = logitsSpec(this.bundle.manifest, model, interpreter);
    const perView: number[][] = [];
    for (const view of inputs.value) {
      const outputs = await interpreter.invoke(view);
      perView.push(dequantise(outputOf(outputs, spec), spec));
    }
    const { label, confidence, scores, unfamiliar } = scoreItem(this.bundle.manifest, perView);
    return done({
      label,
      confidence,
      scores: Object.fromEntries(labels.map((name, index) => [name, scores[index] ?? 0])),
      unfamiliar,
      model: this.info.model,
      runtime: this.info.runtime,
      region,
      views,
      timingsMs: {
        decode: decodedMs - startMs,
        region: preparedMs - decodedMs,
        invoke: this.clock.monotonicMs() - preparedMs,
      },
    });
  }

  close(): Promise<void> {
    return this.active.interpreter.close();
  }
}

/** Returns the model's input for each view. It is a fault if no view shows anything. */
const viewsOf = async (
  image: DecodedImage,
  region: Region,
  { manifest }: Bundle,
): Promise<Answer<readonly Uint8Array[], PictureFault>> => {
  const inputs: Buffer[] = [];
  for (const view of manifest.views)
    inputs.push(await resize(image, centreCrop(region, view), manifest.input));
  const faults = inputs.map(exposureFault);
  const [fault] = faults;
  return fault && faults.every(Boolean) ? { ok: false, fault } : done(inputs);
};

/** Prepares a golden image. @throws Error if it cannot be decoded */
export const prepare = async (bytes: Uint8Array, bundle: Bundle): Promise<PreparedImage> => {
  const image = await decode(bytes);
  if (!image.ok) throw new Error(image.fault.message);
  const region = findRegion(image.value);
  const whole = await resize(image.value, region, bundle.manifest.input);
  return { whole, views: await viewsOf(image.value, region, bundle) };
};
