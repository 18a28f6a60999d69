import { existsSync } from 'node:fs';

const UNITS = ['/etc/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'].map(
  (folder) => `${folder}/sortbin.service`,
);

const hasService = (): boolean => UNITS.some((unit) => existsSync(unit));

/** Returns how to stop a running bin, as a sentence. */
export const stopHint = (): string =>
  hasService() ? 'Stop it with "sudo systemctl stop sortbin".' : 'Stop it with Ctrl-C in its terminal.';

/** Returns how to start the bin, as a sentence. */
export const startHint = (file: string): string =>
  hasService()
    ? 'Start the bin with "sudo systemctl enable --now sortbin".'
    : `Start the bin with "sortbin run -c ${file}".`;
