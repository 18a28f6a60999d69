import { type Bundle, loadBundle, readBundleFile } from '../inference/bundle.js';
import { dequantise, meanOf, softmax, topLabel, unfamiliarity } from '../inference/calibration.js';
import { type GoldenFault, passGolden } from '../inference/golden.js';
import type { Interpreter } from '../inference/interpreter.js';
import { findLibrary } from '../inference/native.js';
import { logitsSpec, outputOf } from '../inference/outputs.js';
import { openTfLite } from '../inference/tflite.js';
import type { Clock } from '../kit/clock.js';
import { type Answer, done, failed, SortbinError } from '../kit/errors.js';
import { centreCrop, decode, findRegion, isBlank, resize } from './preprocess.js';
import type { ServeOptions } from './protocol.js';
import type { Classification, VisionFault, VisionInfo } from './vision.js';

export class GoldenError extends SortbinError<GoldenFault> {
  override readonly name = 'GoldenError';
}

/** Which of the bundle's runtimes this file serves; others will stand beside it. */
const RUNTIME = 'tflite';
const LIBRARY = 'tensorflowlite-c';

/** From a picture's bytes to what it shows, by one bundle in one runtime. */
export class Classifier {
  private constructor(
    readonly info: VisionInfo,
    private readonly bundle: Bundle,
    private readonly interpreter: Interpreter,
    private readonly clock: Clock,
  ) {}

  /**
   * Loads bundle and library, and has the runtime pass the bundle's golden samples.
   * @throws BundleError, NativeError, InterpreterError, GoldenError
   */
  static async open(options: ServeOptions, clock: Clock): Promise<Classifier> {
    const bundle = await loadBundle(options.bundle);
    const { name, version, runtimes } = bundle.manifest;
    const file = runtimes[RUNTIME];
    if (!file) {
      const present = Object.keys(runtimes).join(', ');
      throw new SortbinError(
        'bundle-incompatible',
        `bundle ${name} ${version} has no model for ${RUNTIME}, only for ${present}; install one that has`,
      );
    }
    const path = options.library === undefined ? {} : { path: options.library };
    const library = await findLibrary({ name: LIBRARY, ...path });
    const model = await readBundleFile(bundle, file);
    const interpreter = openTfLite({ library, model, threads: options.threads });
    try {
      const golden = await passGolden(bundle, RUNTIME, interpreter, (bytes) => prepare(bytes, bundle));
      if (!golden.ok) throw new GoldenError(golden.fault.code, golden.fault.message);
    } catch (thrown) {
      await interpreter.close();
      throw thrown;
    }
    const info: VisionInfo = {
      model: { name, version, sha256: file.sha256 },
      runtime: { name: RUNTIME, backend: interpreter.backend, threads: interpreter.threads },
      passedOver: [...passedOver(options, bundle), ...interpreter.passedOver],
    };
    return new Classifier(info, bundle, interpreter, clock);
  }

  /** One at a time. @throws InterpreterError, CalibrationError, where the runtime fails */
  async classify(
    bytes: Uint8Array,
  ): Promise<Answer<Classification, VisionFault & ('picture-broken' | 'picture-blank')>> {
    const { input, views, labels, calibration } = this.bundle.manifest;
    const startMs = this.clock.monotonicMs();
    const picture = await decode(bytes);
    if (!picture.ok) return picture;
    const decodedMs = this.clock.monotonicMs();

    const region = findRegion(picture.value);
    const inputs: Buffer[] = [];
    for (const view of views) inputs.push(await resize(picture.value, centreCrop(region, view), input));
    if (inputs.every(isBlank)) {
      return failed(
        'picture-blank',
        'the picture is one even colour; check the lens, the light and the camera',
      );
    }
    const preparedMs = this.clock.monotonicMs();

    const logitsOf = logitsSpec(this.bundle.manifest, RUNTIME, this.interpreter);
    const perView: number[][] = [];
    for (const view of inputs) {
      const outputs = await this.interpreter.invoke(view);
      perView.push(dequantise(outputOf(outputs, logitsOf), logitsOf));
    }
    const logits = meanOf(perView);
    const scores = softmax(logits, calibration.temperature);
    return done({
      ...topLabel(labels, scores),
      scores: Object.fromEntries(labels.map((label, index) => [label, scores[index] ?? 0])),
      unfamiliar: calibration.unfamiliar && unfamiliarity(logits, calibration.unfamiliar),
      model: this.info.model,
      runtime: this.info.runtime,
      region,
      timingsMs: {
        decode: decodedMs - startMs,
        region: preparedMs - decodedMs,
        invoke: this.clock.monotonicMs() - preparedMs,
      },
    });
  }

  close(): Promise<void> {
    return this.interpreter.close();
  }
}

const prepare = async (bytes: Uint8Array, bundle: Bundle): Promise<Uint8Array> => {
  const picture = await decode(bytes);
  if (!picture.ok) throw new Error(picture.fault.message);
  return resize(picture.value, findRegion(picture.value), bundle.manifest.input);
};

/** The runtimes that are faster and were not taken. */
const passedOver = ({ runtime }: ServeOptions, { manifest }: Bundle): VisionInfo['passedOver'] => {
  if (runtime !== 'auto') return [];
  const why = manifest.runtimes.edgetpu
    ? 'this version of sortbin does not drive the Edge TPU'
    : `bundle ${manifest.name} ${manifest.version} has no model for it`;
  return [{ runtime: 'edgetpu', why }];
};
