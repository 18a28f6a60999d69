import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type CameraOutput, OutputParser } from '../../../../device/hardware/camera/v4l2/output-parser.js';
import { parseMessage } from '../../../../device/hardware/camera/v4l2/protocol.js';

const READY =
  'ready format=YUYV width=640 height=480 stride=1280 colour=bt601-limited fps=29.97 clock=eof device=/dev/v4l/by-id/a b driver=uvcvideo bus=usb-1.2 card=HD Pro Webcam C920';

describe('a line of sortbin-camera', () => {
  it('is parsed', () => {
    assert.deepEqual(parseMessage('sortbin-camera 2 2.0.0'), {
      ...{ type: 'version', protocol: 2, version: '2.0.0' },
    });
    assert.deepEqual(parseMessage(READY), {
      type: 'ready',
      ready: {
        ...{ format: 'YUYV', width: 640, height: 480, strideBytes: 1280, colour: 'bt601-limited' },
        ...{ framesPerSecond: 29.97, clock: 'eof', bus: 'usb-1.2', card: 'HD Pro Webcam C920' },
      },
    });
    assert.deepEqual(parseMessage('unset gain it is inactive'), {
      ...{ type: 'unset', control: 'gain', text: 'it is inactive' },
    });
    assert.deepEqual(parseMessage('fault busy /dev/video0: open: Device or resource busy'), {
      ...{ type: 'fault', word: 'busy', text: '/dev/video0: open: Device or resource busy' },
    });
    assert.deepEqual(parseMessage('7 frame 1234567890123456789 3 614400'), {
      ...{ type: 'frame', id: 7, atNs: 1234567890123456789n, size: 614_400 },
    });
    assert.deepEqual(parseMessage('8 control gain 1 -4 2 1 0 i'), {
      ...{ type: 'control', id: 8 },
      control: {
        name: 'gain',
        value: 1,
        minimum: -4,
        maximum: 2,
        step: 1,
        defaultValue: 0,
        isInactive: true,
      },
    });
    assert.deepEqual(parseMessage('8 ok'), { type: 'ok', id: 8 });
    assert.deepEqual(parseMessage('9 error cancelled a newer command replaced it'), {
      ...{ type: 'error', id: 9, code: 'cancelled', text: 'a newer command replaced it' },
    });
  });

  it('is refused if it does not follow the protocol', () => {
    for (const line of [
      '',
      'sortbin-io 1 1.0.0',
      'ready',
      READY.replace('YUYV', 'RGB3'),
      READY.replace('YUYV', 'MJPG'),
      READY.replace('bt601-limited', 'jpeg'),
      READY.replace('stride=1280', 'stride=1279'),
      READY.replace('stride=1280', 'stride=999999'),
      READY.replace('width=640', 'width=0'),
      READY.replace('29.97', '0'),
      READY.replace('eof', 'soon'),
      'fault broken text',
      '7 frame -1 3 100',
      '7 frame 1 3',
      '7 okay',
      '7 ok gain',
      '7 control gain 1 0 2 1 -',
      '7 control gain 1 0 2 1 0',
      'control gain 1 0 2 1 0 -',
      'x ok',
    ])
      assert.equal(parseMessage(line), null, line);
  });
});

/** Parses chunks. Returns the messages, and the invalid lines. */
const parse = (chunks: readonly Buffer[]) => {
  const messages: CameraOutput[] = [];
  const invalid: string[] = [];
  const parser = new OutputParser(
    (message) => messages.push(message),
    (line) => invalid.push(line),
  );
  for (const chunk of chunks) parser.push(chunk);
  return { messages, invalid };
};

describe('the output of sortbin-camera', () => {
  // The bytes of a frame may look like lines.
  const frame = Buffer.from('1 ok\nfault failed\n\n');
  const whole = Buffer.concat([
    Buffer.from(`sortbin-camera 2 2.0.0\n${READY}\n1 frame 12 0 ${frame.length}\n`),
    frame,
    Buffer.from(`2 ok\n3 frame 13 1 ${frame.length}\n`),
    frame,
    Buffer.from('4 error none\n'),
  ]);

  it('is cut into the same messages in whatever chunks it arrives', () => {
    const expected = parse([whole]);
    assert.deepEqual(
      expected.messages.map(({ type }) => type),
      ['version', 'ready', 'frame', 'ok', 'frame', 'error'],
    );
    const [, , first] = expected.messages;
    assert.deepEqual(first?.type === 'frame' && Buffer.from(first.bytes), frame);
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length)), (cuts) => {
        const ends = [...cuts.sort((a, b) => a - b), whole.length];
        const chunks = ends.map((end, index) => whole.subarray(ends[index - 1] ?? 0, end));
        assert.deepEqual(parse(chunks), expected);
      }),
    );
  });

  it('ends at the first invalid line', () => {
    const { messages, invalid } = parse([Buffer.from('1 ok\nhello\n2 ok\n'), Buffer.from('3 ok\n')]);
    assert.deepEqual([messages.length, invalid], [1, ['hello']]);
  });

  it('ends at a line without an end, and at a frame that is empty or too large', () => {
    const long = Buffer.alloc(600, 'x');
    assert.deepEqual(parse([long]), { messages: [], invalid: [] });
    assert.equal(parse([long, long]).invalid.length, 1);
    for (const size of [0, 2 ** 31])
      assert.equal(parse([Buffer.from(`1 frame 1 1 ${size}\n`)]).invalid.length, 1);
  });

  it('never throws, whatever the program writes', () => {
    const word = fc.constantFrom('1 frame 5 1 3\n', '1 ok\n', 'abc', '\n', 'fault busy\n', '\u0000\u00ff');
    fc.assert(fc.property(fc.array(word), (words) => void parse(words.map((text) => Buffer.from(text)))));
  });
});
