import type { Camera, CameraInfo, Frame } from '../../hardware/camera/camera.js';
import type { Output } from '../../hardware/lines/lines.js';
import type { Clock } from '../../kit/clock.js';
import { linkedSignal, sleep, withDeadline } from '../../kit/deadline.js';
import { type Answer, done, failed } from '../../kit/errors.js';

export interface LatencyOptions {
  /** Started. */
  readonly camera: Camera;
  readonly info: CameraInfo;
  readonly light: Output;
  /** Returns the brightness of a frame, 0 to 255. */
  readonly brightnessOf: (frame: Frame, signal: AbortSignal) => Promise<Answer<number>>;
  readonly clock: Clock;
}

export interface Latency {
  /** Time in ms from the light to the first bright frame, one for each round, ascending. */
  readonly delaysMs: readonly number[];
  readonly medianMs: number;
  /** Difference between the largest and the smallest delay. */
  readonly spreadMs: number;
  /** Proposed `camera.latencyMs`. null: the present value fits. */
  readonly latencyMs: number | null;
}

type LatencyFault = 'latency-no-stream' | 'latency-no-frame' | 'latency-no-light';

const ROUNDS = 7;
/** Time without light before each round, for a camera that adjusts its exposure. */
const DARK_MS = 700;
const FRAME_DEADLINE_MS = 5_000;
/** Time with light in each round. A camera with a longer latency is not usable for sorting. */
const LIT_MS = 1_200;
/** Limits the memory for the frames of a round. */
const MAX_FRAMES = 40;
const MIN_CONTRAST = 8;

/**
 * Measures the time from turning the light on to the time of the first bright frame, several times. A fault is a sentence
 * for the user. Rejects with the signal's reason. Afterwards the light is off.
 */
export const measureLatency = async (
  options: LatencyOptions,
  signal: AbortSignal,
): Promise<Answer<Latency, LatencyFault>> => {
  const { framesPerSecond, latencyMs: present } = options.info;
  if (framesPerSecond === null)
    return failed('latency-no-stream', 'The latency of a camera without a stream cannot be measured.');
  const delaysMs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const answer = await measureRound(options, signal);
    if (!answer.ok) return answer;
    delaysMs.push(answer.value);
  }
  delaysMs.sort((a, b) => a - b);
  const medianMs = delaysMs[Math.floor(ROUNDS / 2)] ?? 0;
  const spreadMs = (delaysMs.at(-1) ?? 0) - (delaysMs[0] ?? 0);
  return done({
    ...{ delaysMs, medianMs, spreadMs },
    latencyMs: proposeLatency(medianMs, present, 1_000 / framesPerSecond),
  });
};

/**
 * The light appears at a random moment of a frame. With the correct latency, the first bright frame begins up to one
 * interval after the light, less the exposure time. So a delay of up to an interval is correct. Otherwise the median is
 * added: it makes a frame at most half an interval too old, and never too new.
 */
const proposeLatency = (medianMs: number, presentMs: number, intervalMs: number): number | null => {
  if (medianMs <= intervalMs && medianMs >= -intervalMs) return null;
  return Math.max(0, Math.round(presentMs + medianMs));
};

const measureRound = async (
  { camera, light, brightnessOf, clock }: LatencyOptions,
  signal: AbortSignal,
): Promise<Answer<number, LatencyFault>> => {
  await sleep(clock, DARK_MS, signal);
  const frameAfter = (atMs: number) =>
    withDeadline(clock, FRAME_DEADLINE_MS, (inner) => camera.frameAfter(atMs, inner), signal).catch(
      (thrown: unknown) => {
        signal.throwIfAborted();
        return failed('latency-no-frame', String(thrown));
      },
    );
  const before = await frameAfter(clock.monotonicMs());
  if (!before.ok) return failed('latency-no-frame', before.fault.message);
  const frames: Frame[] = [];
  const lit = linkedSignal(signal);
  const onMs = clock.monotonicMs();
  const off = light.hold(lit.signal);
  let isOn = true;
  const onOff = () => {
    isOn = false;
  };
  off.then(onOff, onOff);
  try {
    let lastMs = before.value.capturedAtMs;
    while (isOn && frames.length < MAX_FRAMES && clock.monotonicMs() - onMs < LIT_MS) {
      const answer = await frameAfter(lastMs);
      if (!answer.ok) return failed('latency-no-frame', answer.fault.message);
      frames.push(answer.value);
      lastMs = answer.value.capturedAtMs;
    }
  } finally {
    lit.abort(new Error('the round is over'));
    lit.release();
  }
  const end = await off;
  if (!end.ok) return failed('latency-no-light', end.fault.message);
  const levels = await brightnessesOf([before.value, ...frames], brightnessOf, signal);
  if (!levels) return failed('latency-no-frame', 'An image of the camera cannot be decoded.');
  const [dark = 0, ...after] = levels;
  const brightest = Math.max(...after);
  if (brightest - dark < MIN_CONTRAST)
    return failed(
      'latency-no-light',
      'The camera light does not change the image. Darken the bin, and check panel.light.',
    );
  const first = frames[after.findIndex((level) => level >= (dark + brightest) / 2)];
  return done((first?.capturedAtMs ?? 0) - onMs);
};

const brightnessesOf = async (
  frames: readonly Frame[],
  brightnessOf: LatencyOptions['brightnessOf'],
  signal: AbortSignal,
): Promise<number[] | null> => {
  const levels: number[] = [];
  for (const frame of frames) {
    const level = await brightnessOf(frame, signal);
    if (!level.ok) return null;
    levels.push(level.value);
  }
  return levels;
};
