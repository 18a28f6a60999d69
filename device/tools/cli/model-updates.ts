import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import type { Command } from 'commander';
import type { ModelStatus } from '../../daemon/update-commands.js';
import { type Answer, done, failed, messageOf, SortbinError } from '../../kit/errors.js';
import { plain } from '../../kit/plain-text.js';
import { ControlError } from '../../network/commands/commands.js';
import type { BundleId } from '../../update/bundle-id.js';
import type { TrustedRoot } from '../../update/repository/repository.js';
import { askBin, type BinFlags, binCommand, printAnswer, sendRequest } from './bin-commands.js';
import { type BundleArgument, parseBundle, parseBundleOrFolder } from './bundle-argument.js';
import { listCommand } from './model-list.js';
import { canDraw } from './report.js';

// The commands of `sortbin model` that the running bin executes.

/** Pause between two questions to the bin while it downloads, checks or activates. */
const POLL_MS = 300;
/** Questions in a row without an answer, of 5 s each, after which the bin counts as unavailable. */
const ATTEMPTS = 6;

export const modelUpdateCommands = (): Command[] => [
  listCommand(),
  binCommand('check', 'look for new bundles and revocations, without installing anything').action(
    (flags: BinFlags) => runTask({ command: 'model.check' }, flags),
  ),
  binCommand('install', 'install and activate a bundle')
    .argument(
      '[bundle]',
      'bundle such as waste12@1.4.0, or the folder of a repository, such as a USB stick (default: the newest one)',
      parseBundleOrFolder,
    )
    .action((source: BundleArgument | undefined, flags: BinFlags) =>
      runTask({ command: 'model.install', ...source }, flags),
    ),
  binCommand('activate', 'activate an installed bundle')
    .argument('<bundle>', 'bundle such as waste12@1.4.0', parseBundle)
    .action((bundle: BundleId, flags: BinFlags) => runTask({ command: 'model.activate', bundle }, flags)),
  binCommand('rollback', 'go back to the previous bundle').action((flags: BinFlags) =>
    runTask({ command: 'model.rollback' }, flags),
  ),
  simpleCommand('pin', 'keep the active bundle, unless it is revoked or fails'),
  simpleCommand('unpin', 'let the bin install newer bundles again'),
  binCommand('trust', 'trust the repository of a root.json, or show the trusted root')
    .argument('[root]', 'root.json, which the owner of the repository gave you')
    .action(trustRoot),
];

/** Begins a request of the bin, and shows what happens until it has ended. */
const runTask = async (
  request: { readonly command: string; readonly [key: string]: unknown },
  flags: BinFlags,
): Promise<void> => {
  const begun = await sendRequest(request, flags);
  if (!begun.ok) return void printAnswer(begun, flags);
  const bar = progressBar(flags.json === true);
  let task: ModelStatus['task'];
  do {
    await sleep(POLL_MS);
    const status = await statusOf(flags);
    if (!status.ok) return void printAnswer(status, flags);
    bar.show(status.value);
    task = status.value.task;
  } while (task?.isRunning);
  bar.end();
  printText(resultOf(request.command.replace('model.', ''), task), flags);
};

/** The answer to a request that was begun: a text for people, as of a request that ends at once. */
const resultOf = (name: string, task: ModelStatus['task']): Answer<string> => {
  if (task && task.name !== name)
    return failed('update-replaced', `model.${task.name} has replaced model.${name}`);
  return task?.fault ? { ok: false, fault: task.fault } : done(task?.message ?? '');
};

const printText = (answer: Answer<unknown>, flags: BinFlags): void => {
  const value = printAnswer(answer, flags);
  if (value !== undefined && !flags.json) process.stdout.write(`${plain(String(value))}\n`);
};

/** Asks until the bin answers: the checks of a bundle can keep the processor of a small machine busy for seconds. */
const statusOf = async (flags: BinFlags, attempts = ATTEMPTS): Promise<Answer<ModelStatus>> => {
  try {
    return (await sendRequest({ command: 'model.status' }, flags)) as Answer<ModelStatus>;
  } catch (thrown) {
    if (attempts > 1 && thrown instanceof ControlError && thrown.code === 'control-answer')
      return statusOf(flags, attempts - 1);
    throw thrown;
  }
};

/** Shows a download on a terminal. */
const progressBar = (isQuiet: boolean) => {
  const bar = new SingleBar({
    format: '{phase} [{bar}] {percentage}%',
    hideCursor: true,
    clearOnComplete: true,
  });
  let isShown = false;
  return {
    show: ({ phase, progress }: ModelStatus) => {
      if (isQuiet || !canDraw(process.stderr) || !progress) return;
      if (!isShown) bar.start(progress.totalBytes, 0, { phase });
      isShown = true;
      bar.update(progress.bytes, { phase });
    },
    end: () => {
      if (isShown) bar.stop();
    },
  };
};

const simpleCommand = (name: string, description: string): Command =>
  binCommand(name, description).action(async (flags: BinFlags) =>
    printText(await sendRequest({ command: `model.${name}` }, flags), flags),
  );

const trustRoot = async (file: string | undefined, flags: BinFlags): Promise<void> => {
  const root = file === undefined ? undefined : await readRoot(file);
  const request = root === undefined ? { command: 'model.root' } : { command: 'model.trust', root };
  const trusted = (await askBin(request, flags)) as TrustedRoot | null | undefined;
  if (trusted === undefined || flags.json) return;
  if (trusted === null) {
    process.stdout.write('no root is trusted: updates are off\n');
    return;
  }
  const { version, threshold, keyIds, expiresAtMs } = trusted;
  process.stdout.write(
    `root version ${version}, valid until ${new Date(expiresAtMs).toISOString()}\n${threshold} of these keys sign a new root:\n${keyIds.map((id) => `  ${id}\n`).join('')}`,
  );
};

const readRoot = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch((cause) => {
    throw new SortbinError(
      'root-unreadable',
      `${file}: cannot be read (${messageOf(cause)}). Name the root.json of a repository.`,
      { cause },
    );
  });
