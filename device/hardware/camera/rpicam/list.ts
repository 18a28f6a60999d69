import { type Answer, done, failed } from '../../../kit/errors.js';
import type { CameraFault } from '../camera.js';
import type { CameraList, FoundCamera, OfferedSize } from '../camera-list.js';
import { INSTALL_FIX, missingProgram } from '../find-program.js';
import { runProgram } from '../run-program.js';

export interface RpicamListOptions {
  /** Path of a program of rpicam-apps. null: the first one that PATH has. */
  readonly program: string | null;
  readonly deadlineMs?: number;
}

/** Each program of rpicam-apps lists the cameras. Older versions are called libcamera-*. */
const PROGRAMS = ['rpicam-hello', 'rpicam-vid', 'libcamera-hello', 'libcamera-vid'];
const DEADLINE_MS = 10_000;

/** Lists the cameras on the ribbon cable, as libcamera finds them. */
export const listRpicamCameras = async ({
  program,
  deadlineMs = DEADLINE_MS,
}: RpicamListOptions): Promise<Answer<CameraList, CameraFault>> => {
  const programs = program === null ? PROGRAMS : [program];
  for (const candidate of programs) {
    const answer = await runProgram(candidate, ['--list-cameras'], deadlineMs);
    if (answer.ok) return parseAnswer(candidate, answer.value);
    const { code, message } = answer.fault;
    if (code === 'program-late')
      return failed('camera-failed', `${message}. End other programs that use the camera, or restart.`);
    if (code === 'program-failed')
      return failed('camera-failed', `${message}. Run ${candidate} --list-cameras to see why.`);
  }
  return program === null
    ? failed('camera-unsupported', `${PROGRAMS.join(', ')}: not found. ${INSTALL_FIX}`)
    : failed('camera-unsupported', missingProgram(program));
};

const parseAnswer = (program: string, text: string): Answer<CameraList, CameraFault> => {
  const cameras = parseRpicamList(text);
  if (cameras.length > 0 || /no cameras available/i.test(text)) return done({ cameras, unusable: [] });
  return failed('camera-failed', `${program}: unknown output. Run ${program} --list-cameras to see it.`);
};

/** `0 : imx708 [4608x2592 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx708@1a)` */
const CAMERA = /^(\d+) : (\S+) \[?[^\]]*\] \((.*)\)$/;
/** `'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]`. Old versions print the sizes only. */
const FORMAT = /^(?:Modes: )?'(\w+)' :/;
const SIZE = /(\d+)x(\d+)(?: \[(\S+) fps [^\]]*\])?/g;

/** Parses the output of `--list-cameras`. Skips unknown lines. */
export const parseRpicamList = (text: string): FoundCamera[] => {
  const cameras: (FoundCamera & { readonly sizes: OfferedSize[] })[] = [];
  let format = '';
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    const camera = CAMERA.exec(line);
    if (camera) {
      const [, address = '', model = '', place = ''] = camera;
      const found = { driver: 'rpicam', address, model, place } as const;
      cameras.push({ ...found, stablePath: null, kernelDriver: null, sizes: [], controls: [], holders: [] });
      format = '';
      continue;
    }
    format = FORMAT.exec(line)?.[1] ?? format;
    if (!format) continue;
    for (const [, width, height, rate] of line.replace(FORMAT, '').matchAll(SIZE)) {
      const fps = Number(rate);
      const size = { format, width: Number(width), height: Number(height) };
      cameras.at(-1)?.sizes.push({ ...size, rates: Number.isFinite(fps) ? [fps] : [] });
    }
  }
  return cameras;
};
