import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { v4l2Ctl } from './v4l2-ctl.js';

const DRIVER = '/sys/bus/platform/drivers/vivid';
const OPTIONS = ['n_devs=1', 'node_types=0x1', 'num_inputs=1', 'vid_cap_nr=0'];
const INPUT_TYPES = { webcam: 0, hdmi: 3 } as const;

/** A camera without MJPEG, or an HDMI adapter, simulated by the kernel module vivid. Its controls also inject faults. */
export class Vivid {
  readonly device = '/dev/video0';
  readonly bus = 'platform:vivid-000';

  constructor(private readonly input: keyof typeof INPUT_TYPES = 'webcam') {}

  create(): void {
    execFileSync('modprobe', ['vivid', ...OPTIONS, `input_types=${INPUT_TYPES[this.input]}`]);
  }

  /** Sets a control by another program, also while the camera is in use. */
  set(control: string, value: number): void {
    v4l2Ctl(this.device, `--set-ctrl=${control}=${value}`);
  }

  get(control: string): number {
    return Number(v4l2Ctl(this.device, `--get-ctrl=${control}`).split(':')[1]);
  }

  /** Lets the camera produce no frame, or frames again. No call fails. */
  freeze(frozen: boolean): void {
    this.set('percentage_of_dropped_buffers', frozen ? 100 : 0);
  }

  /** Lets the signal of an HDMI input end, or return. The device reports that its source has changed. */
  setSignal(isPresent: boolean): void {
    this.set('dv_timings_signal_mode', isPresent ? 0 : 1);
  }

  /** Removes the device while it is in use. */
  unplug(): void {
    writeFileSync(`${DRIVER}/unbind`, 'vivid.0');
  }

  plug(): void {
    writeFileSync(`${DRIVER}/bind`, 'vivid.0');
  }

  /** Removes the camera. No program may use it. */
  remove(): void {
    execFileSync('modprobe', ['-r', 'vivid']);
  }
}
