import type { Fault } from '../../../kit/errors.js';
import type { CameraFault } from '../camera.js';

const TEST_FIX = 'Check the ribbon cable, and test the camera with rpicam-hello -t 5000.';
const UPDATE_FIX = 'Update the program: sudo apt install rpicam-apps.';
const SYSTEM_FIX = 'Update the system: sudo apt full-upgrade.';

/** Each message that libcamera and rpicam-apps write, with its fault and the fix. The first match counts. */
const KNOWN: readonly (readonly [message: RegExp, code: CameraFault, fix: string])[] = [
  // kit/supervised-process.ts: the program was removed meanwhile, or is not built for this machine.
  [
    /\bENOENT\b|\bEACCES\b/,
    'camera-unsupported',
    'Reinstall the program: sudo apt install --reinstall rpicam-apps. Or correct camera.program.',
  ],
  // The shell, to which the system passes a file of an unknown format: its exit codes, and its message with code 2.
  [
    /^exited with code 12[67]$|: \d+: Syntax error: |: syntax error near/,
    'camera-unsupported',
    'The program cannot be executed. Install the rpicam-apps of this machine, or correct camera.program.',
  ],
  // boost::program_options, reported by main in apps/rpicam_vid.cpp.
  [/unrecognised option|unrecognised metadata format/, 'camera-unsupported', UPDATE_FIX],
  // RPiCamApp::RPiCamApp in core/rpicam_app.cpp.
  [
    /legacy camera stack/,
    'camera-unsupported',
    'Disable the legacy camera in raspi-config, and restart the machine.',
  ],
  [
    /only supports the Raspberry Pi platforms/,
    'camera-unsupported',
    'Use a Raspberry Pi, or another camera.driver.',
  ],
  // strerror(EACCES) after "Failed to open V4L2 device" in src/libcamera/v4l2_device.cpp, and in media_device.cpp.
  [
    /Permission denied/,
    'camera-denied',
    'Add the user to the group video: sudo usermod -aG video USER. Then log in again.',
  ],
  // Camera::acquire in src/libcamera/camera.cpp, RPiCamApp::OpenCamera, and strerror(EBUSY) in v4l2_videodevice.cpp.
  [
    /in use by another process|failed to acquire camera|Device or resource busy/,
    'camera-busy',
    'Stop the other program that uses the camera: another sortbin, rpicam-hello or motion.',
  ],
  // RPiCamApp::OpenCamera in core/rpicam_app.cpp.
  [
    /no cameras available/,
    'camera-missing',
    'Check the ribbon cable at both ends, and restart the machine. Then run rpicam-hello --list-cameras.',
  ],
  [
    /selected camera is not available|failed to find camera/,
    'camera-missing',
    'Set camera.camera to an index that rpicam-hello --list-cameras shows.',
  ],
  // strerror(EREMOTEIO) and strerror(EIO) in v4l2_device.cpp and v4l2_videodevice.cpp: the sensor does not answer on
  // the I2C bus. RPiCamApp::StartCamera, and CameraData::cameraTimeout in src/libcamera/pipeline/rpi/common.
  [
    /Remote I\/O error|Input\/output error|failed to start camera|has timed out|timeout detected/,
    'camera-failed',
    'Check the ribbon cable at both ends. If the fault stays, try another cable and another camera.',
  ],
];

/** Why an image is not delivered: its time is missing, in the future or not new, or it is one of the first images. */
export type Rejection = 'no-time' | 'future' | 'repeated' | 'dropped';

const REJECTIONS: Record<
  Rejection,
  { readonly code: CameraFault; readonly images: (dropFrames: number) => string; readonly fix: string }
> = {
  'no-time': {
    code: 'camera-unsupported',
    images: () => 'images without a SensorTimestamp',
    fix: UPDATE_FIX,
  },
  future: {
    code: 'camera-unsupported',
    images: () => 'images with a SensorTimestamp in the future',
    fix: SYSTEM_FIX,
  },
  repeated: {
    code: 'camera-unsupported',
    images: () => 'images with the same SensorTimestamp',
    fix: SYSTEM_FIX,
  },
  dropped: {
    code: 'camera-no-frame',
    images: (dropFrames) => `the first ${dropFrames} images are dropped`,
    fix: 'Raise camera.startMs, or lower camera.dropFrames.',
  },
};

/**
 * Returns the fault of a process that ended for `reason`, a verb phrase, after the messages `lines`. `rejection`: that
 * of its last image, or null if it has sent none.
 */
export const rpicamFault = (
  code: CameraFault,
  reason: string,
  lines: readonly string[],
  rejection: Rejection | null,
  dropFrames: number,
): Fault<CameraFault> => {
  const fault = (faultCode: CameraFault, message: string | undefined, fix: string) => ({
    code: faultCode,
    message: `rpicam-vid ${reason}${message ? ` (message: ${message})` : ''}. ${fix}`,
  });
  for (const [pattern, knownCode, fix] of KNOWN) {
    if (pattern.test(reason)) return fault(knownCode, undefined, fix);
    const line = lines.findLast((text) => pattern.test(text));
    if (!line) continue;
    // That the frames stopped says more than a failure. The messages of the start do not explain it.
    if (knownCode === 'camera-failed') return fault(code, line, fix);
    if (code !== 'camera-frozen') return fault(knownCode, line, fix);
  }
  if (code === 'camera-no-frame' && rejection) {
    const { code: rejectedCode, images, fix } = REJECTIONS[rejection];
    return fault(rejectedCode, images(dropFrames), fix);
  }
  return fault(code, lines.at(-1), TEST_FIX);
};
