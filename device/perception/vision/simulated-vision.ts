import type { Frame } from '../../hardware/camera/camera.js';
import type { Clock } from '../../kit/clock.js';
import { sleep, untilAborted } from '../../kit/deadline.js';
import { type Answer, done, failed, SortbinError } from '../../kit/errors.js';
import { FrameQueue } from './queue.js';
import type { Classification, FrameQuality, Vision, VisionFault, VisionInfo } from './vision.js';

/** The answer to one frame, after `delayMs`. */
export type SimulatedStep = { readonly delayMs?: number; readonly unfamiliar?: boolean } & (
  | { readonly label: string; readonly confidence: number }
  /** Weights, which are scaled so that their sum is 1. */
  | { readonly scores: Readonly<Record<string, number>> }
  | { readonly fault: VisionFault }
  /** No answer until the deadline. */
  | { readonly hang: true }
);

export interface SimulatedVisionOptions {
  readonly labels: readonly string[];
  /** One step per frame. After the last step, the script starts again. */
  readonly script: readonly SimulatedStep[];
  readonly clock: Clock;
}

const INFO: VisionInfo = {
  model: { name: 'simulated', version: '0.0.0', sha256: '0'.repeat(64) },
  runtime: { name: 'simulated', backend: 'script', threads: 1 },
  title: 'simulated',
  golden: null,
  skipped: [],
};
const REGION = [0, 0, 1, 1] as const;

/** Answers frames from a script: for tests and for a bin without a model. */
export class SimulatedVision implements Vision {
  readonly #options: SimulatedVisionOptions;
  readonly #closing = new AbortController();
  #isStarted = false;
  readonly #queue = new FrameQueue();
  #step = 0;

  /** @throws SortbinError `vision-script` if a step of the script is invalid */
  constructor(options: SimulatedVisionOptions) {
    if (options.script.length === 0) throw invalidScript('no step');
    for (const step of options.script) scoresOf(step, options.labels);
    this.#options = options;
  }

  async start(signal: AbortSignal): Promise<VisionInfo> {
    signal.throwIfAborted();
    this.#isStarted = true;
    return INFO;
  }

  classify(_frame: Frame, signal: AbortSignal): Promise<Answer<Classification, VisionFault>> {
    return this.#queue.run(signal, async () => {
      if (this.#closing.signal.aborted) return CLOSED;
      if (!this.#isStarted) return DOWN;
      try {
        return await this.#answer(AbortSignal.any([signal, this.#closing.signal]));
      } catch {
        return this.#closing.signal.aborted ? CLOSED : TIMEOUT;
      }
    });
  }

  async inspect(): Promise<Answer<FrameQuality, VisionFault>> {
    return this.#withoutDecoder();
  }

  async toJpeg(): Promise<Answer<Uint8Array, VisionFault>> {
    return this.#withoutDecoder();
  }

  /** The simulated vision has no process. */
  suspend<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return work(this.#closing.signal);
  }

  /** The simulated runtime never changes. */
  onChange(): void {}

  /** The simulated vision never has a fault. */
  onHealth(): void {}

  async close(): Promise<void> {
    this.#closing.abort();
  }

  #withoutDecoder() {
    if (this.#closing.signal.aborted) return CLOSED;
    return this.#isStarted ? NO_DECODER : DOWN;
  }

  /** @throws the reason of the signal if it is aborted */
  async #answer(signal: AbortSignal): Promise<Answer<Classification, VisionFault>> {
    const { script, labels, clock } = this.#options;
    const step = script[this.#step++ % script.length];
    if (!step || 'hang' in step) return await untilAborted(signal);
    const startMs = clock.monotonicMs();
    if (step.delayMs) await sleep(clock, step.delayMs, signal);
    if ('fault' in step) return failed(step.fault, 'simulated by the script');
    const scores = scoresOf(step, labels);
    const [label = '', confidence = 0] = Object.entries(scores).sort(([, a], [, b]) => b - a)[0] ?? [];
    const flag = step.unfamiliar ?? false;
    return done({
      label,
      confidence,
      scores,
      unfamiliar: { score: flag ? 1 : 0, flag },
      model: INFO.model,
      runtime: INFO.runtime,
      region: REGION,
      views: [1],
      timingsMs: { decode: 0, region: 0, invoke: clock.monotonicMs() - startMs },
    });
  }
}

const TIMEOUT = failed('vision-timeout', 'simulated vision: no answer before the deadline');
const DOWN = failed('vision-down', 'vision is not started');
const NO_DECODER = failed(
  'vision-failed',
  'the simulated vision decodes no frames. Set vision.driver to child.',
);
const CLOSED = failed('vision-down', 'vision is closed');

const invalidScript = (problem: string) => new SortbinError('vision-script', `vision.script: ${problem}`);

/** Returns a score for each label, or nothing for a step without scores. @throws SortbinError `vision-script` */
const scoresOf = (step: SimulatedStep, labels: readonly string[]): Record<string, number> => {
  if ('fault' in step || 'hang' in step) return {};
  const named = 'scores' in step ? Object.keys(step.scores) : [step.label];
  const unknown = named.find((label) => !labels.includes(label));
  if (unknown !== undefined)
    throw invalidScript(`unknown label ${unknown}. Use one of ${labels.join(', ')}.`);
  return 'scores' in step
    ? normaliseWeights(step.scores, labels)
    : shareRest(step.label, step.confidence, labels);
};

const normaliseWeights = (
  weights: Readonly<Record<string, number>>,
  labels: readonly string[],
): Record<string, number> => {
  const sum = Object.values(weights).reduce((total, weight) => total + weight, 0);
  if (!(sum > 0 && Number.isFinite(sum)) || Object.values(weights).some((weight) => weight < 0)) {
    throw invalidScript(
      `scores must be 0 or more, and at least one above 0. Found ${JSON.stringify(weights)}.`,
    );
  }
  return Object.fromEntries(labels.map((label) => [label, (weights[label] ?? 0) / sum]));
};

/** The other labels share the rest equally. The named label must have more than an equal share. */
const shareRest = (label: string, confidence: number, labels: readonly string[]): Record<string, number> => {
  if (!(confidence > 1 / labels.length && confidence <= 1)) {
    throw invalidScript(
      `the confidence of ${label} must be over 1/${labels.length} and at most 1. Found ${confidence}.`,
    );
  }
  const rest = (1 - confidence) / (labels.length - 1);
  return Object.fromEntries(labels.map((other) => [other, other === label ? confidence : rest]));
};
