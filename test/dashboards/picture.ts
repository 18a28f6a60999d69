import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Findings } from '../support/findings.js';

/** What the proofs share: a running bin, and where to keep pictures (null: none). */
export interface Stage {
  readonly folder: string;
  /** Address of the HTTP server of the bin. */
  readonly httpUrl: string;
  readonly brokerPort: number;
  readonly pictures: string | null;
  /** Makes the bin stop. */
  readonly stopBin: () => Promise<void>;
}

/** Time for the page to load its data. */
const LOAD_MS = 6_000;

/** Takes a picture of a page of a size in pixels with headless Chromium, if pictures are asked for. */
export const takePicture = async (
  { pictures, folder }: Pick<Stage, 'pictures' | 'folder'>,
  url: string,
  { name, width, height }: { readonly name: string; readonly width: number; readonly height: number },
  findings: Findings,
): Promise<void> => {
  if (pictures === null) return;
  mkdirSync(pictures, { recursive: true });
  const { status, error } = spawnSync(
    'chromium',
    [
      ...[
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--hide-scrollbars',
        `--window-size=${width},${height}`,
      ],
      `--user-data-dir=${join(folder, 'chromium')}`,
      `--virtual-time-budget=${LOAD_MS}`,
      `--screenshot=${join(pictures, name)}`,
      url,
    ],
    { timeout: 60_000 },
  );
  findings.check(status === 0, `no picture ${name}: ${error?.message ?? status}`);
};
