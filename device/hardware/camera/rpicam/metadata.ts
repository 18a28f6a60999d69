// Reads the records of rpicam-vid --metadata-format txt: lines Name=value. Pure. Source: write_metadata in
// output/output.cpp of rpicam-apps 9270b60, and ControlValue::toString in libcamera.

import type { LibcameraSettings } from '../camera.js';

/** The exposure of a frame. */
export interface Exposure {
  /** Monotonic milliseconds of the first data of the frame. It is the end of the exposure of its first row. */
  readonly frameStartMs: number;
  /** Monotonic milliseconds. */
  readonly startMs: number;
}

/**
 * Returns when a frame was exposed, or null if the record does not contain it.
 *
 * SensorTimestamp is the time at which the receiver detected the start of the frame, in ns of CLOCK_MONOTONIC: see
 * cfe_sof_isr in drivers/media/platform/raspberrypi/rp1-cfe/cfe.c of Linux. libcamera documents CLOCK_BOOTTIME, which
 * differs only after the machine was suspended. The exposure of the first row ends at the start of the frame, so that
 * ExposureTime is subtracted.
 */
export const exposureOf = (record: string): Exposure | null => {
  const timestampNs = numberOf(record, 'SensorTimestamp');
  if (timestampNs === null) return null;
  const frameStartMs = timestampNs / 1e6;
  return { frameStartMs, startMs: frameStartMs - (numberOf(record, 'ExposureTime') ?? 0) / 1e3 };
};

export const settingsOf = (record: string): LibcameraSettings => {
  const shutterUs = numberOf(record, 'ExposureTime');
  const gain = numberOf(record, 'AnalogueGain');
  const [red, blue] = (textOf(record, 'ColourGains') ?? '').match(/[\d.]+/g)?.map(Number) ?? [];
  const dioptres = numberOf(record, 'LensPosition');
  return {
    exposure: shutterUs && gain ? { shutterUs, gain } : null,
    whiteBalance: red && blue ? { red, blue } : null,
    focus: dioptres === null ? null : { dioptres },
  };
};

const numberOf = (record: string, name: string): number | null => {
  const value = textOf(record, name);
  return value !== null && /^\d+(\.\d+)?$/.test(value) ? Number(value) : null;
};

const textOf = (record: string, name: string): string | null => {
  const prefix = `\n${name}=`;
  const text = `\n${record}`;
  const start = text.indexOf(prefix);
  if (start < 0) return null;
  const from = start + prefix.length;
  const end = text.indexOf('\n', from);
  return end < 0 ? null : text.slice(from, end);
};
