/** Bytes of a memory or of a disk. */
export interface Space {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** What the sensors of the machine show now. null: this machine has no such sensor, or it cannot be read. */
export interface MachineReadings {
  /** Temperature of the processor in °C. */
  readonly temperatureC: number | null;
  /** Whether the supply voltage is too low. Only a Raspberry Pi measures it. */
  readonly isUnderVoltage: boolean | null;
  /** Whether the firmware makes the processor slower, because of heat or voltage. Only a Raspberry Pi tells it. */
  readonly isThrottled: boolean | null;
  /** Memory that is available without swapping. */
  readonly memory: Space | null;
  /** The disk of `dataDir`, for users without privileges. */
  readonly disk: Space | null;
}

/** The sensors of the machine that the daemon runs on. */
export interface MachineSensors {
  /** Reads all sensors. Never rejects. */
  read(): Promise<MachineReadings>;
}
