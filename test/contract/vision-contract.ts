import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Frame } from '../../device/hardware/camera/camera.js';
import type { Answer } from '../../device/kit/errors.js';
import type { Vision, VisionFault } from '../../device/perception/vision/vision.js';

const never = new AbortController().signal;

export interface VisionSetup {
  /** Not started yet. */
  readonly vision: Vision;
  readonly frame: Frame;
  /** Correct label of the frame. */
  readonly label: string;
  readonly labels: readonly string[];
  /** Makes the started vision hang on the first frame. */
  readonly stall: () => void;
}

/** `first`: whether the first frame is answered or hangs until its deadline. */
export type MakeVision = (first: 'answers' | 'hangs') => Promise<VisionSetup>;

/** The contract of the Vision interface, for every driver. */
export const visionContract = (name: string, make: MakeVision): void => {
  const setUp = async (t: TestContext, first: 'answers' | 'hangs' = 'answers') => {
    const setup = await make(first);
    t.after(() => setup.vision.close());
    return setup;
  };
  const faultOf = async (answer: Promise<Answer<unknown>>): Promise<string | null> => {
    const result = await answer;
    return result.ok ? null : result.fault.code;
  };
  const labelOf = async (answer: ReturnType<Vision['classify']>): Promise<string> => {
    const result = await answer;
    return result.ok ? result.value.label : result.fault.message;
  };
  const patient = () => AbortSignal.timeout(10_000);

  describe(`${name} as a Vision`, () => {
    it('reports the active runtime, and classifies', async (t) => {
      const { vision, frame, label, labels } = await setUp(t);
      const info = await vision.start(never);
      const answer = await vision.classify(frame, patient());
      assert.ok(answer.ok, answer.ok ? '' : answer.fault.message);
      const { scores, confidence, region, timingsMs, ...found } = answer.value;
      assert.equal(found.label, label);
      assert.deepEqual(found.model, info.model);
      assert.deepEqual(found.runtime, info.runtime);
      assert.deepEqual(Object.keys(scores).sort(), [...labels].sort());
      const values = Object.values(scores);
      assert.ok(Math.abs(values.reduce((sum, score) => sum + score, 0) - 1) < 1e-9);
      assert.equal(confidence, scores[label]);
      assert.equal(confidence, Math.max(...values));
      assert.ok(region[2] > 0 && region[3] > 0);
      assert.ok(Object.values(timingsMs).every((elapsed) => elapsed >= 0));
    });

    it('is down before start and after close', async (t) => {
      const { vision, frame } = await setUp(t);
      const allDown = async () => {
        assert.equal(await faultOf(vision.classify(frame, patient())), 'vision-down');
        assert.equal(await faultOf(vision.inspect(frame, patient())), 'vision-down');
        assert.equal(await faultOf(vision.toJpeg(frame, patient())), 'vision-down');
      };
      await allDown();
      await vision.start(never);
      await vision.close();
      await allDown();
      await vision.close();
    });

    it('rejects a start with the reason of its aborted signal', async (t) => {
      const { vision } = await setUp(t);
      const reason = new Error('stopped');
      await assert.rejects(vision.start(AbortSignal.abort(reason)), (thrown) => thrown === reason);
    });

    it('processes one frame at a time: a second one waits, and a third is refused', async (t) => {
      const { vision, frame, label } = await setUp(t);
      await vision.start(never);
      const first = vision.classify(frame, patient());
      const second = vision.classify(frame, patient());
      assert.equal(await faultOf(vision.classify(frame, patient())), 'vision-failed');
      assert.equal(await labelOf(first), label);
      assert.equal(await labelOf(second), label);
      assert.equal(await labelOf(vision.classify(frame, patient())), label);
    });

    it('classifies while other frames are encoded, and refuses a third one of those', async (t) => {
      const { vision, frame, label } = await setUp(t);
      await vision.start(never);
      const encoded = [1, 2].map(() => vision.toJpeg(frame, patient()));
      const waiting = [1, 2].map(() => vision.classify(frame, patient()));
      assert.equal(await faultOf(vision.inspect(frame, patient())), 'vision-failed');
      for (const answer of waiting) assert.equal(await labelOf(answer), label);
      await Promise.all(encoded);
    });

    it('ends a waiting frame at its own deadline', async (t) => {
      const { vision, frame, label } = await setUp(t);
      await vision.start(never);
      const first = vision.classify(frame, patient());
      assert.equal(await faultOf(vision.classify(frame, AbortSignal.abort())), 'vision-timeout');
      assert.equal(await labelOf(first), label);
    });

    it('refuses a frame whose deadline has passed, and classifies the next one', async (t) => {
      const { vision, frame, label } = await setUp(t);
      await vision.start(never);
      assert.equal(await faultOf(vision.classify(frame, AbortSignal.abort())), 'vision-timeout');
      assert.equal(await labelOf(vision.classify(frame, patient())), label);
    });

    it('ends a hanging frame at its deadline, and classifies the next one correctly', async (t) => {
      const { vision, frame, label, stall } = await setUp(t, 'hangs');
      await vision.start(never);
      stall();
      const deadline = new AbortController();
      const hanging = vision.classify(frame, deadline.signal);
      await setImmediate();
      deadline.abort(new Error('too late'));
      assert.equal(await faultOf(hanging), 'vision-timeout');
      assert.equal(await labelOf(vision.classify(frame, patient())), label);
    });

    it('has no fault while it answers frames, also after a frame that hung', async (t) => {
      const { vision, frame, label, stall } = await setUp(t, 'hangs');
      let fault: VisionFault | null = null;
      vision.onHealth((reported) => {
        fault = reported?.code ?? null;
      });
      await vision.start(never);
      stall();
      const deadline = new AbortController();
      const hanging = vision.classify(frame, deadline.signal);
      await setImmediate();
      deadline.abort(new Error('too late'));
      await hanging;
      assert.equal(await labelOf(vision.classify(frame, patient())), label);
      assert.equal(fault, null);
    });

    it('can be closed while a frame hangs', async (t) => {
      const { vision, frame, stall } = await setUp(t, 'hangs');
      await vision.start(never);
      stall();
      const hanging = vision.classify(frame, patient());
      await setImmediate();
      await vision.close();
      assert.equal(await faultOf(hanging), 'vision-down');
    });
  });
};
