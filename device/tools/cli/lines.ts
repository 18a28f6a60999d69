import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { messageOf } from '../../kit/errors.js';
import { ioProgram } from '../../wire/lines.js';
import type { Section } from '../doctor/doctor.js';
import { examineLines } from '../doctor/lines.js';
import { type MachineLines, parseMachineLines } from '../doctor/machine-lines.js';
import { wantedLines } from '../doctor/wanted.js';
import type { Read } from './examinations.js';

const LIST_MS = 10_000;

/** The lines of this machine, beside those that the configuration wants. */
export const lookAtLines = async ({ config, folder }: Read, exitCode: number): Promise<Section> =>
  examineLines({
    found: await list({ config, folder }).catch((thrown) => ({ failure: messageOf(thrown) })),
    wanted: config.lines.driver === 'simulated' ? [] : wantedLines(config),
    exitCode,
  });

const list = async (read: Read): Promise<MachineLines> => {
  const program = await ioProgram(read);
  const { stdout } = await promisify(execFile)(program, ['--list'], { timeout: LIST_MS });
  return parseMachineLines(stdout);
};
