import type { CameraFault } from '../../hardware/camera/camera.js';
import type { VisionFault } from '../../perception/vision/vision.js';
import type { FaultTexts } from './fault-text.js';

type CameraCode = CameraFault | VisionFault | 'camera-stale' | 'camera-timeout';

/** Faults of the camera, its images and the vision process. */
export const CAMERA_FAULTS: FaultTexts<CameraCode> = {
  'camera-missing': {
    meaning: 'There is no such camera, or it was unplugged.',
    cure: 'Check the cable. `sortbin doctor` lists the cameras.',
    page: 'cameras.md',
  },
  'camera-denied': {
    meaning: 'The user of the daemon may not open the camera.',
    cure: 'Add the user to the group `video`, and restart the bin.',
  },
  'camera-busy': {
    meaning: 'Another program uses the camera.',
    cure: 'Stop that program. `sortbin doctor` names it.',
  },
  'camera-unsupported': {
    meaning: 'The camera offers no usable format, or its program is missing.',
    cure: 'Install `rpicam-apps` for a ribbon camera. Check `camera.size` for a USB camera.',
    page: 'cameras.md',
  },
  'camera-no-frame': {
    meaning: 'The camera runs, but gave no frame, or only frames older than the item.',
    cure: 'Check the cable and the power supply.',
  },
  'camera-frozen': {
    meaning: 'The frames stopped, or repeat the same image. The daemon restarts the camera.',
    cure: 'If it stays, check the cable, or replace the camera.',
  },
  'camera-failed': {
    meaning: 'The camera failed for another reason. The message states it.',
    cure: 'Follow the message. Run `sortbin doctor`.',
  },
  'camera-stale': {
    meaning: 'The frame is older than the item.',
    cure: 'If it stays, restart the bin, and report it with the log.',
  },
  'camera-timeout': {
    meaning: 'The camera gave no frame within `cycle.captureMs`.',
    cure: 'Check the camera. If the machine is slow, raise `cycle.captureMs`.',
  },
  'picture-broken': {
    meaning: 'The frame is not an image, is cut short, or is damaged.',
    cure: 'Check the cable of the camera.',
  },
  'picture-blank': {
    meaning: 'The image has one even colour.',
    cure: 'Check the lens, the light and the camera.',
  },
  'picture-dark': {
    meaning: 'The image is almost black.',
    cure: 'Check the light, the lens and the exposure.',
  },
  'picture-overexposed': {
    meaning: 'The image is almost white.',
    cure: 'Check the light and the exposure.',
  },
  'vision-died': {
    meaning: 'The vision process ended. The daemon restarts it.',
    cure: 'If it stays, check the free memory, and run `sortbin doctor`.',
  },
  'vision-timeout': {
    meaning: 'The vision process gave no answer in time. The daemon restarts it.',
    cure: 'If it stays, stop other programs, or raise `cycle.classifyMs`.',
  },
  'vision-down': {
    meaning: 'The vision process cannot start.',
    cure: 'Run `sortbin doctor`. It tests each runtime, and states the reason.',
  },
  'vision-failed': {
    meaning: 'The vision process reported an error.',
    cure: 'Follow the message. Run `sortbin doctor`.',
  },
};
