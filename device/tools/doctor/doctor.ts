/** `ok`: well, or a plain fact; `note`: worth knowing; `fail`: what it names does not work. */
export type Status = 'ok' | 'note' | 'fail';

/** One thing that was looked at; keys beyond these three are the same for programs. */
export interface Check {
  readonly name: string;
  readonly status: Status;
  readonly text: string;
  readonly [datum: string]: unknown;
}

export interface Section {
  readonly title: string;
  readonly checks: readonly Check[];
  /** What a command exits with where one of the checks failed. */
  readonly exitCode: number;
}

/** Looks at one part of the bin. What is wrong there is in the section: it throws on a bug alone. */
export type Examination = () => Section | Promise<Section>;

/** A plain fact. */
export const fact = (name: string, text: string, data: Readonly<Record<string, unknown>> = {}): Check => ({
  name,
  status: 'ok',
  text,
  ...data,
});

/** The exit code of the first section in which something failed; 0 where nothing did. */
export const verdictOf = (sections: readonly Section[]): number =>
  sections.find(({ checks }) => checks.some(({ status }) => status === 'fail'))?.exitCode ?? 0;

/** `4.0 MB`, of 10^6 bytes. */
export const bytesText = (bytes: number): string =>
  bytes >= 1e9
    ? `${(bytes / 1e9).toFixed(1)} GB`
    : bytes >= 1e6
      ? `${(bytes / 1e6).toFixed(1)} MB`
      : `${(bytes / 1e3).toFixed(1)} kB`;

/** `1 label`, `12 labels`. */
export const countText = (count: number, thing: string): string =>
  `${count} ${thing}${count === 1 ? '' : 's'}`;
