import { readFile } from 'node:fs/promises';
import { cpus, freemem, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { packageVersion } from '../../kit/root.js';
import { bytesText, type Check, countText, fact, type Section } from './doctor.js';

/** Describes the machine. `root`: the folder of /proc. */
export const examineMachine = async (root = '/'): Promise<Section> => {
  const [first, ...others] = cpus();
  const cores = first ? others.length + 1 : 0;
  const board = await boardOf(root);
  const totalBytes = totalmem();
  const availableBytes = freemem();
  return {
    title: 'machine',
    exitCode: 0,
    checks: [
      fact('sortbin', packageVersion()),
      fact('node', process.versions.node),
      fact('architecture', `${process.platform} ${process.arch}`),
      ...(board === null ? [] : [fact('board', board)]),
      fact('processor', `${first?.model ?? 'unknown'}, ${countText(cores, 'core')}`, { cores }),
      fact('memory', `${bytesText(totalBytes)}, ${bytesText(availableBytes)} available`, {
        totalBytes,
        availableBytes,
      }),
      fact('kernel', release()),
      glibc(),
    ],
  };
};

/** Returns the name of the board, if the firmware provides it, as on a Raspberry Pi. */
const boardOf = async (root: string): Promise<string | null> => {
  const model = await readFile(join(root, 'proc/device-tree/model'), 'utf8').catch(() => '');
  return model.replace(/\0+$/, '') || null;
};

const reportSchema = z.object({ header: z.object({ glibcVersionRuntime: z.string().optional() }) });

const glibc = (): Check => {
  const { glibcVersionRuntime: version } = reportSchema.parse(process.report.getReport()).header;
  if (version !== undefined) return fact('glibc', version);
  return {
    name: 'glibc',
    status: 'note',
    text: 'not found. The libraries that come with sortbin need glibc.',
  };
};
