import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { CameraFault, Frame } from '../../../device/hardware/camera/camera.js';
import type { Answer } from '../../../device/kit/errors.js';
import { decode } from '../../../device/perception/vision/decode.js';
import { exposureFault } from '../../../device/perception/vision/exposure.js';
import type { CameraBench } from '../../contract/camera-contract.js';

const never = new AbortController().signal;
export const STEP_MS = 50;
/** Longer than any deadline of a bench. */
const SETTLE_MS = 20_000;
const CAPTURES = 400;

/** Closes the camera of a bench after the test, and collects its health. Adds helpers for captures. */
export const watchCamera = <Bench extends CameraBench>(test: TestContext, made: Bench) => {
  const { camera, nowMs, pass } = made;
  test.after(() => camera.close());
  const health: (CameraFault | null)[] = [];
  camera.onHealth((fault) => health.push(fault?.code ?? null));
  /** Lets time pass in steps, until a promise settles. */
  const settle = async <T>(promise: Promise<T>, withinMs = SETTLE_MS): Promise<T> => {
    let isPending = true;
    const end = () => {
      isPending = false;
    };
    promise.then(end, end);
    for (let passedMs = 0; isPending && passedMs < withinMs; passedMs += STEP_MS) await pass(STEP_MS);
    assert.ok(!isPending, `the camera did not answer within ${withinMs} ms`);
    return promise;
  };
  const capture = () => settle(camera.frameAfter(nowMs(), never));
  /** Captures until an answer is right, as a bin with items does. */
  const captureUntil = async (isRight: (answer: Answer<Frame, CameraFault>) => boolean) => {
    for (let count = 0; count < CAPTURES; count++) {
      const answer = await capture();
      if (isRight(answer)) return answer;
      await pass(STEP_MS);
    }
    throw new Error('no such answer');
  };
  return { ...made, health, settle, capture, captureUntil, start: () => settle(camera.start(never)) };
};

export const frameOf = (answer: Answer<Frame, CameraFault>): Frame => {
  assert.ok(answer.ok, answer.ok ? '' : answer.fault.message);
  return answer.value;
};

/** Returns the fault code of an answer. null: it is a frame. */
export const codeOf = (answer: Answer<Frame, CameraFault>): CameraFault | null =>
  answer.ok ? null : answer.fault.code;

const decoded = async ({ bytes, format }: Frame): Promise<Buffer> => {
  const image = await decode(bytes, format);
  assert.ok(image.ok, image.ok ? '' : image.fault.message);
  return image.value.data;
};

/** Returns the mean red, green and blue of a frame. */
export const meanColour = async (frame: Frame): Promise<readonly number[]> => {
  const data = await decoded(frame);
  const sums = [0, 0, 0];
  for (let at = 0; at < data.length; at++) sums[at % 3] = (sums[at % 3] ?? 0) + (data[at] ?? 0);
  return sums.map((sum) => Math.round(sum / (data.length / 3)));
};

/** Returns the code of the exposure fault that the vision process finds in a frame, or null. */
export const exposureCodeOf = async (frame: Frame): Promise<string | null> =>
  exposureFault(await decoded(frame))?.code ?? null;
