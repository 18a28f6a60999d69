import type { CameraControl, CameraFault } from '../../hardware/camera/camera.js';
import type { CameraList, FoundCamera, Holder, OfferedSize } from '../../hardware/camera/camera-list.js';
import type { Answer, Fault } from '../../kit/errors.js';
import { type ConfiguredCamera, examineConfigured } from './configured-camera.js';
import type { Check, Section } from './doctor.js';

export interface CamerasExamination {
  readonly v4l2: Answer<CameraList, CameraFault>;
  readonly rpicam: Answer<CameraList, CameraFault>;
  /** null: the configuration is invalid. */
  readonly configured: ConfiguredCamera | null;
  /** The fault of what the configured camera requires besides a camera. */
  readonly requirementFault: Fault | null;
  readonly exitCode: number;
}

/** Lists the cameras of this machine, and checks that the configured camera offers what the configuration requires. */
export const examineCameras = ({
  v4l2,
  rpicam,
  configured,
  requirementFault,
  exitCode,
}: CamerasExamination): Section => {
  const lists = [v4l2, rpicam].flatMap((answer) => (answer.ok ? [answer.value] : []));
  const cameras = lists.flatMap((list) => list.cameras);
  const unusable = lists.flatMap((list) => list.unusable);
  const unlisted = ([answer, name]: readonly [Answer<CameraList, CameraFault>, string]): Check[] =>
    answer.ok ? [] : [{ name, status: 'note', text: answer.fault.message, code: answer.fault.code }];
  const none: Check = { name: 'cameras', status: 'note', text: 'none found' };
  const found = [
    ...cameras.map(foundCheck),
    ...unusable.map(
      ({ address, code, message }): Check => ({ name: address, status: 'note', text: message, code }),
    ),
  ];
  return {
    title: 'camera',
    exitCode,
    checks: [
      ...(found.length > 0 ? found : [none]),
      ...unlisted([v4l2, 'USB cameras']),
      ...unlisted([rpicam, 'ribbon cameras']),
      configured
        ? examineConfigured(configured, configured.driver === 'v4l2' ? v4l2 : rpicam, requirementFault)
        : { name: 'configured', status: 'note', text: 'not checked, because the configuration is invalid' },
    ],
  };
};

const foundCheck = (camera: FoundCamera): Check => {
  const { driver, address, stablePath, model, place, kernelDriver, sizes, holders, controls } = camera;
  const formats = [...new Set(sizes.map(({ format }) => format))];
  const facts = [
    [model, kernelDriver, place].filter(Boolean).join(', '),
    ...formats.map((format) =>
      sizesText(
        format,
        sizes.filter((size) => size.format === format),
      ),
    ),
    ...(holders.length > 0 ? [`Open in ${holdersText(holders)}`] : []),
  ];
  const lines = [
    `${facts.join('. ')}.`,
    ...(stablePath === null ? [] : [`stable path: ${stablePath}`]),
    ...(controls.length === 0 ? [] : ['controls, with their ranges and present values:']),
    ...controls.map(controlText),
  ];
  return {
    name: driver === 'rpicam' ? `ribbon ${address}` : address,
    status: 'ok',
    text: lines.join('\n'),
    ...camera,
  };
};

/** `brightness 0..255: 128` */
const controlText = ({ name, minimum, maximum, value, isInactive }: CameraControl): string =>
  `${name} ${minimum}..${maximum}: ${value}${isInactive ? ' (automatic)' : ''}`;

const MAX_SHOWN_SIZES = 4;

/** `MJPG 640x480 at 30, 1280x720 at 30, 2 more` */
const sizesText = (format: string, sizes: readonly OfferedSize[]): string => {
  const shown = sizes.slice(0, MAX_SHOWN_SIZES).map(({ width, height, rates }) => {
    const fastest = Math.max(0, ...rates);
    return `${width}x${height}${fastest > 0 ? ` at ${Math.round(fastest)}` : ''}`;
  });
  const more = sizes.length - shown.length;
  return `${format} ${[...shown, ...(more > 0 ? [`${more} more`] : [])].join(', ')}`;
};

const holdersText = (holders: readonly Holder[]): string =>
  holders.map(({ pid, command }) => `${command} (process ${pid})`).join(', ');
