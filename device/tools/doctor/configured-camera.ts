import type { CameraControl, CameraFault } from '../../hardware/camera/camera.js';
import type { CameraList, FoundCamera, OfferedSize } from '../../hardware/camera/camera-list.js';
import type { Answer, Fault } from '../../kit/errors.js';
import type { Check, Status } from './doctor.js';

interface FrameSize {
  readonly width: number;
  readonly height: number;
}

/** The keys of `camera` in the configuration that the doctor compares with the cameras. */
export type ConfiguredCamera =
  | { readonly driver: 'simulated' }
  | ({ readonly driver: 'rpicam'; readonly camera: number; readonly framesPerSecond: number } & FrameSize)
  | ({ readonly driver: 'node-libcamera'; readonly camera: number } & FrameSize)
  | ({
      readonly driver: 'v4l2';
      /** The path of the device. */
      readonly device: string;
      /** The same without links. null: it does not exist. */
      readonly path: string | null;
      readonly format: 'auto' | 'mjpeg' | 'yuyv';
      readonly framesPerSecond: number;
      readonly controls: Readonly<Record<string, number>>;
    } & FrameSize);

/** Checks the configured camera against the list of its driver. */
export const examineConfigured = (
  configured: ConfiguredCamera,
  list: Answer<CameraList, CameraFault>,
  requirementFault: Fault | null,
): Check => {
  if (requirementFault) return failure(requirementFault);
  if (configured.driver === 'simulated') return check('note', 'none: camera.driver is simulated');
  if (!list.ok) {
    const { code, message } = list.fault;
    return failure({ code, message: `the cameras cannot be listed. ${message}` });
  }
  const { cameras, unusable } = list.value;
  const address = addressOf(configured);
  const closed = unusable.find((device) => device.address === address);
  if (closed) return failure({ code: closed.code, message: `${address}: ${closed.message}` });
  const camera = cameras.find((one) => one.address === address || one.stablePath === address);
  if (!camera) return failure(missingFault(configured, address, cameras));
  const problems = [
    ...sizeProblems(configured, camera),
    ...controlProblems(configured, camera),
    ...holderProblems(camera),
  ];
  const status = problems.some((problem) => problem.status === 'fail')
    ? 'fail'
    : problems.length > 0
      ? 'note'
      : 'ok';
  const { width, height } = configured;
  const rate =
    'framesPerSecond' in configured ? ` at ${configured.framesPerSecond} frames per second` : ' stills';
  if (problems.length === 0)
    return check(status, `${camera.model} (${address}), ${width}x${height}${rate}${packageText(configured)}`);
  const code = status === 'fail' ? { code: 'camera-unsupported' } : {};
  return { ...check(status, problems.map(({ text }) => text).join(' ')), ...code };
};

const check = (status: Status, text: string): Check => ({ name: 'configured', status, text });

const failure = ({ code, message }: Fault): Check => ({ ...check('fail', message), code });

const packageText = ({ driver }: RealCamera): string =>
  driver === 'node-libcamera' ? '. The package node-libcamera is installed.' : '';

const missingFault = (configured: RealCamera, address: string, cameras: readonly FoundCamera[]): Fault => {
  const addresses = `Cameras of this machine: ${cameras.map((one) => one.address).join(', ') || 'none'}.`;
  if (configured.driver !== 'v4l2')
    return {
      code: 'camera-missing',
      message: `camera.camera: camera ${address} not found. Connect it, or use another one. ${addresses}`,
    };
  const { device, path } = configured;
  const target = path === device ? '' : ` (${path})`;
  if (path !== null)
    return {
      code: 'camera-unsupported',
      message: `camera.device: ${device}${target} is not a camera. Use the path of a camera. ${addresses}`,
    };
  return {
    code: 'camera-missing',
    message: `camera.device: camera ${address} not found. Connect it, or use another one. ${addresses}`,
  };
};

const addressOf = (configured: RealCamera): string => {
  if (configured.driver !== 'v4l2') return `${configured.camera}`;
  return configured.path ?? configured.device;
};

interface Problem {
  readonly status: 'note' | 'fail';
  readonly text: string;
}

type RealCamera = Exclude<ConfiguredCamera, { readonly driver: 'simulated' }>;

const sizeProblems = (configured: RealCamera, { sizes, kernelDriver }: FoundCamera): Problem[] => {
  const { width, height } = configured;
  if (sizes.length === 0) return [];
  if (configured.driver !== 'v4l2') {
    // The image processor of the board scales to any size up to that of the sensor.
    const fitting = sizes.filter((size) => size.width >= width && size.height >= height);
    const largest = sizes.reduce((one, other) => (other.width > one.width ? other : one));
    const text = `camera.width: ${width}x${height} is larger than the sensor, ${largest.width}x${largest.height}.`;
    if (fitting.length === 0) return [{ status: 'fail', text }];
    return 'framesPerSecond' in configured ? rateProblems(configured, fitting) : [];
  }
  const formats = FORMATS[configured.format].filter((name) => sizes.some(({ format }) => format === name));
  // The driver uses the first format of the camera.
  const offered = sizes.filter(({ format }) => format === formats[0]);
  if (offered.length === 0) {
    const names = [...new Set(sizes.map(({ format }) => format))].join(', ');
    const text = `camera.format: the camera offers no ${configured.format}. Its formats are ${names}.`;
    return [{ status: 'fail', text }];
  }
  const fitting = offered.filter((size) => size.width === width && size.height === height);
  if (fitting.length > 0) return rateProblems(configured, fitting);
  const names = offered.map((size) => `${size.width}x${size.height}`).join(', ');
  const text = `camera.width: the camera does not offer ${width}x${height}, and uses the nearest size. Sizes of ${formats[0]}: ${names}.`;
  // A USB camera has a list of sizes. Other drivers may offer a range, of which the list has examples.
  return [{ status: kernelDriver === 'uvcvideo' ? 'fail' : 'note', text }];
};

/** In the order of preference. */
const FORMATS = { auto: ['MJPG', 'YUYV'], mjpeg: ['MJPG'], yuyv: ['YUYV'] } as const;

const rateProblems = (
  { framesPerSecond, width, height }: FrameSize & { readonly framesPerSecond: number },
  sizes: readonly OfferedSize[],
): Problem[] => {
  const rates = sizes.flatMap((size) => size.rates);
  const fastest = Math.max(...rates);
  // A camera states 29.97 as 30 or the reverse.
  if (rates.length === 0 || framesPerSecond <= fastest + 0.5) return [];
  const text = `camera.framesPerSecond: ${framesPerSecond} is too fast at ${width}x${height}. The camera offers at most ${fastest}.`;
  return [{ status: 'fail', text }];
};

const controlProblems = (configured: RealCamera, { controls }: FoundCamera): Problem[] =>
  Object.entries('controls' in configured ? configured.controls : {}).flatMap(([name, value]) => {
    const control = controls.find((one) => one.name === name);
    const text = controlProblem(name, value, control, controls);
    return text === null ? [] : [{ status: 'fail' as const, text }];
  });

/** The program of a running bin. */
const OWN_PROGRAM = 'sortbin-camera';

/** A program may have a camera open without using it. */
const holderProblems = ({ address, holders }: FoundCamera): Problem[] =>
  holders
    .filter(({ command }) => command !== OWN_PROGRAM)
    .map(({ pid, command }) => ({
      status: 'note',
      text: `${address} is open in ${command} (process ${pid}). If the camera is busy, end that program.`,
    }));

const controlProblem = (
  name: string,
  value: number,
  control: CameraControl | undefined,
  controls: readonly CameraControl[],
): string | null => {
  const key = `camera.controls.${name}`;
  const names = controls.map((one) => one.name).join(', ') || 'none';
  if (!control) return `${key}: the camera has no such control. Its controls are ${names}.`;
  const { minimum, maximum } = control;
  return value < minimum || value > maximum ? `${key}: ${value} is not in ${minimum} to ${maximum}.` : null;
};
