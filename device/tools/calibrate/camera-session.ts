import type { Config } from '../../config/schema.js';
import type { CameraInfo, Frame } from '../../hardware/camera/camera.js';
import type { Output } from '../../hardware/lines/lines.js';
import type { Light } from '../../hardware/panel/panel.js';
import { linkedSignal, sleep } from '../../kit/deadline.js';
import { type Answer, done, messageOf } from '../../kit/errors.js';
import { type Change, type Key, keyOf, type Screen } from './calibrate.js';
import { CameraMeter, type CameraMeterOptions } from './camera-meter.js';
import {
  cameraLine,
  changeLine,
  latencyLine,
  type Measurement,
  measurementJson,
  measurementLine,
  measurementLines,
} from './camera-view.js';
import { measureLatency } from './latency.js';
import { fixedSettings, isSteady, STEADY_IMAGES } from './proposals.js';
import { isQuitKey } from './terminal.js';

/** What can be done between two images. Each is a key on a terminal. */
export type CameraTask = 'write' | 'fix' | 'latency' | 'restart';

export interface CameraSessionOptions extends Omit<CameraMeterOptions, 'light'> {
  readonly info: CameraInfo;
  /** null: the panel has no camera light. */
  readonly light: { readonly light: Light; readonly output: Output } | null;
  readonly configured: Config['camera'];
  /** Writes an image and returns its path. @throws Error if it cannot be written */
  readonly write: (jpeg: Uint8Array) => Promise<string>;
  readonly tasks: readonly CameraTask[];
  /** Number of images after which the session ends. */
  readonly maxImages: number;
  /** null: no terminal. */
  readonly keys: AsyncIterator<Key> | null;
  readonly screen: Screen;
  readonly style: 'live' | 'lines' | 'json';
}

const TASK_OF_KEY: Readonly<Record<string, CameraTask>> = {
  w: 'write',
  f: 'fix',
  l: 'latency',
  r: 'restart',
};
const HELP = [
  'w: write the image · r: start the best again · q: quit',
  'f: fix exposure, white balance and focus · l: measure the latency',
];

const STILL_CHANGING =
  'The exposure is still changing. Fix the settings again when the brightness is steady.';

/** Pause in ms between two images. With a light it is longer, because the light is on for each image. */
const PAUSE_MS = 150;
const LIT_PAUSE_MS = 800;
/** Pause in ms between two images of a session without a terminal and without an end, such as that of a service. */
const ENDLESS_PAUSE_MS = 1_000;

/**
 * Measures one image after the other until a quit key, the last image, or an abort of `stop`. Returns the proposed values
 * that differ from the configuration. Afterwards the light is off.
 */
export const calibrateCamera = async (
  options: CameraSessionOptions,
  stop: AbortSignal,
): Promise<Change[]> => {
  const session = new CameraSession(options);
  const end = linkedSignal(stop);
  const quit = () => end.abort(new Error('the session was ended'));
  session.readKeys().then(quit, quit);
  try {
    await session.run(end.signal);
  } catch (thrown) {
    if (!end.signal.aborted) throw thrown;
  } finally {
    end.release();
    options.screen.show([]);
  }
  return session.changes;
};

class CameraSession {
  readonly #changes = new Map<string, Change>();
  #tasks: CameraTask[];
  /** Brightness of the newest images. */
  readonly #levels: number[] = [];
  readonly #meter: CameraMeter;
  #best = 0;
  #note = '';
  #frame: Frame | null = null;
  #measured: Measurement | null = null;

  constructor(private readonly options: CameraSessionOptions) {
    this.#tasks = [...options.tasks];
    this.#meter = new CameraMeter({ ...options, light: options.light?.light ?? null });
  }

  get changes(): Change[] {
    return [...this.#changes.values()];
  }

  /** Resolves after a quit key, and never without keys. */
  async readKeys(): Promise<void> {
    const { keys } = this.options;
    if (!keys) return new Promise(() => {});
    for (let next = await keys.next(); !next.done && !isQuitKey(next.value); next = await keys.next()) {
      const task = TASK_OF_KEY[next.value];
      if (task && !this.#tasks.includes(task)) this.#tasks.push(task);
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, maxImages } = this.options;
    let images = 0;
    while (images < maxImages) {
      signal.throwIfAborted();
      if (await this.#measure(signal)) images += 1;
      for (const task of this.#nextTasks(images >= maxImages)) await this.#perform(task, signal);
      this.#show();
      if (images < maxImages) await sleep(clock, this.#pauseMs(), signal);
    }
  }

  #pauseMs(): number {
    const { light, style, maxImages } = this.options;
    if (style !== 'live' && maxImages === Number.POSITIVE_INFINITY) return ENDLESS_PAUSE_MS;
    return light ? LIT_PAUSE_MS : PAUSE_MS;
  }

  /** Takes the tasks that can be performed. Each needs an image. Those that fix settings need several, if more come. */
  #nextTasks(isLastImage: boolean): CameraTask[] {
    const isReady = (task: CameraTask) =>
      this.#frame !== null && (task !== 'fix' || isLastImage || this.#levels.length >= STEADY_IMAGES);
    const ready = this.#tasks.filter(isReady);
    this.#tasks = this.#tasks.filter((task) => !isReady(task));
    return ready;
  }

  /** Returns whether an image was measured. */
  async #measure(signal: AbortSignal): Promise<boolean> {
    const answer = await this.#meter.measure(signal);
    if (!answer.ok) return this.#report(answer.fault.code, answer.fault.message);
    const { frame, quality, ageMs } = answer.value;
    const { meanLuma, sharpness } = quality;
    this.#frame = frame;
    this.#best = Math.max(this.#best, sharpness);
    this.#measured = { ...quality, best: this.#best, ageMs, atWallMs: frame.capturedAtWallMs };
    this.#levels.push(meanLuma);
    if (this.#levels.length > STEADY_IMAGES) this.#levels.shift();
    const { style, screen } = this.options;
    if (style === 'lines') screen.print(measurementLine(this.#measured));
    if (style === 'json') screen.print(measurementJson(this.#measured));
    return true;
  }

  async #perform(task: CameraTask, signal: AbortSignal): Promise<void> {
    if (task === 'restart') this.#best = 0;
    if (task === 'write') await this.#write(signal);
    if (task === 'fix') await this.#fix(signal);
    if (task === 'latency') await this.#measureLatency(signal);
  }

  async #write(signal: AbortSignal): Promise<void> {
    const frame = this.#frame;
    if (!frame) return;
    const file = await this.#meter.fileOf(frame, signal);
    if (!file.ok) return void this.#report(file.fault.code, file.fault.message);
    try {
      const path = await this.options.write(file.value);
      this.#say(`Image written to ${path}.`, { picture: path });
    } catch (thrown) {
      this.#report('picture-not-written', messageOf(thrown));
    }
  }

  async #fix(signal: AbortSignal): Promise<void> {
    const settings = await this.#meter.settings(signal);
    if (!settings.ok) return void this.#report(settings.fault.code, settings.fault.message);
    if (!settings.value) return this.#sayNone('This camera driver has no settings to fix.', { fixed: 0 });
    const changes = fixedSettings(settings.value, this.options.configured);
    if (changes.length === 0)
      return this.#sayNone('The camera has no automatic setting, or all are fixed already.', { fixed: 0 });
    for (const change of changes) this.#propose(change);
    this.#note = '';
    if (!isSteady(this.#levels))
      this.#say(STILL_CHANGING, { warning: 'exposure-changing', message: STILL_CHANGING });
  }

  async #measureLatency(signal: AbortSignal): Promise<void> {
    const { light, camera, info, clock, configured } = this.options;
    if (!light) return this.#sayNone('The panel has no camera light. Set panel.light.', { latency: null });
    this.#note = 'Measuring the latency. The light blinks.';
    this.#show();
    const brightnessOf = async (frame: Frame, inner: AbortSignal): Promise<Answer<number>> => {
      const quality = await this.#meter.qualityOf(frame, inner);
      return quality.ok ? done(quality.value.meanLuma) : quality;
    };
    const answer = await measureLatency({ camera, info, light: light.output, brightnessOf, clock }, signal);
    if (!answer.ok) return void this.#report(answer.fault.code, answer.fault.message);
    this.#say(latencyLine(answer.value), { latency: answer.value });
    const { latencyMs } = answer.value;
    const from = 'latencyMs' in configured ? configured.latencyMs : null;
    if (latencyMs !== null) this.#propose({ path: ['camera', 'latencyMs'], from, to: latencyMs });
  }

  #propose(change: Change): void {
    this.#changes.set(keyOf(change.path), change);
    const { screen, style } = this.options;
    const { path, ...values } = change;
    if (style === 'json') screen.print(JSON.stringify({ proposal: keyOf(path), ...values }));
    if (style === 'lines') screen.print(`Proposed:${changeLine(change)}`);
  }

  #report(code: string, message: string): false {
    this.#say(message, { fault: code, message });
    return false;
  }

  /** Reports that there is nothing to propose. In JSON, the reason is a part of the data. */
  #sayNone(reason: string, data: object): void {
    this.#say(reason, { ...data, reason });
  }

  /** Shows a text, or in JSON the data. */
  #say(text: string, data: object): void {
    const { style, screen } = this.options;
    this.#note = text;
    if (style !== 'live') screen.print(style === 'json' ? JSON.stringify(data) : text);
  }

  #show(): void {
    const { style, screen, info } = this.options;
    if (style !== 'live') return;
    screen.show([
      '',
      cameraLine(info),
      ...(this.#measured ? measurementLines(this.#measured) : []),
      '',
      ...this.changes.map(changeLine),
      `  ${this.#note}`,
      ...HELP.map((line) => `  ${line}`),
    ]);
  }
}
