/** `ok`: passed, or a plain fact. `note`: not a failure, but useful to know. `fail`: does not work. */
export type Status = 'ok' | 'note' | 'fail';

/** The result of one check. Further keys hold its data, for programs. */
export interface Check {
  readonly name: string;
  readonly status: Status;
  readonly text: string;
  readonly [datum: string]: unknown;
}

export interface Section {
  readonly title: string;
  readonly checks: readonly Check[];
  /** Exit code of the command if one of the checks has failed. */
  readonly exitCode: number;
}

/** Examines one part of the bin. Failures are checks of the section. Only an unexpected error is thrown. */
export type Examination = () => Section | Promise<Section>;

/** Returns a check that only states a fact. */
export const fact = (name: string, text: string, data: Readonly<Record<string, unknown>> = {}): Check => ({
  name,
  status: 'ok',
  text,
  ...data,
});

/** Returns the exit code of the first section with a failed check, or 0 if no check has failed. */
export const verdictOf = (sections: readonly Section[]): number =>
  sections.find(({ checks }) => checks.some(({ status }) => status === 'fail'))?.exitCode ?? 0;

/** Formats bytes with decimal units: `4.0 MB` are 4 000 000 bytes. */
export const bytesText = (bytes: number): string =>
  bytes >= 1e9
    ? `${(bytes / 1e9).toFixed(1)} GB`
    : bytes >= 1e6
      ? `${(bytes / 1e6).toFixed(1)} MB`
      : `${(bytes / 1e3).toFixed(1)} kB`;

/** `1 label`, `12 labels`. */
export const countText = (count: number, thing: string): string =>
  `${count} ${thing}${count === 1 ? '' : 's'}`;
