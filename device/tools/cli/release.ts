import { Argument, Command, Option } from 'commander';
import { SystemClock } from '../../kit/clock.js';
import { ONLINE_ROLES, ROLES, type Role } from '../release/release.js';
import { EXIT } from './failure.js';
import {
  type ChangeFlags,
  changeQuietly,
  changeRepository,
  newPassphrase,
  runPlan,
  withPrompt,
} from './release-session.js';
import { parseWhole, serveCommand, verifyCommand } from './release-verify.js';
import { exitCodesHelp } from './report.js';

export const releaseCommand = (): Command =>
  new Command('release')
    .description('make and maintain a repository of bundles, from which bins update')
    .addCommand(initCommand())
    .addCommand(addCommand())
    .addCommand(signCommand())
    .addCommand(timestampCommand())
    .addCommand(rotateCommand())
    .addCommand(revokeCommand())
    .addCommand(removeCommand())
    .addCommand(rolloutCommand())
    .addCommand(verifyCommand())
    .addCommand(serveCommand());

const appendTo = (text: string, before: readonly string[] = []): string[] => [...before, text];

const REPOSITORY = ['<repository>', 'folder of the repository'] as const;
const PASSPHRASE_FILE = [
  '--passphrase-file <file>',
  'file with a passphrase in its first line; repeatable (also: $SORTBIN_RELEASE_PASSPHRASE_FILE)',
] as const;
const ONLINE_PLAIN = '--online-without-passphrase';

/** Returns a command that changes a repository. */
const changeCommand = (name: string, description: string): Command =>
  new Command(name)
    .description(description)
    .argument(...REPOSITORY)
    .requiredOption('--keys <folder>', 'folder with key files; repeatable', appendTo)
    .option(...PASSPHRASE_FILE, appendTo)
    .option('--trust-clock', 'accept a clock that is more than 7 days after the last signature');

const askingCommand = (name: string, description: string): Command =>
  changeCommand(name, description)
    .option('--yes', 'change the repository without a question')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', CHANGE_CODES);

const CHANGE_CODES = exitCodesHelp({
  0: 'the repository is changed, or there is nothing to do',
  [EXIT.usage]: 'the command line is not valid',
  [EXIT.data]: 'the repository or the bundle is damaged, or a name is not allowed',
  [EXIT.input]: 'a repository, bundle or key is missing, or there is no terminal',
  [EXIT.unavailable]: 'another command changes the repository, or the clock is wrong',
  [EXIT.cannotCreate]: 'it exists with other content, the repository is full, or a root waits for signatures',
  [EXIT.io]: 'a file cannot be written; the repository is as it was',
});

interface InitFlags {
  readonly keys: string;
  readonly passphraseFile?: readonly string[];
  readonly onlinePassphraseFile?: string;
  readonly onlineWithoutPassphrase?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const initCommand = (): Command =>
  new Command('init')
    .description('make the keys and the first metadata of a repository')
    .argument(...REPOSITORY)
    .requiredOption('--keys <folder>', 'new folder for the key files')
    .option(...PASSPHRASE_FILE, appendTo)
    .option(
      '--online-passphrase-file <file>',
      `passphrase for the keys of ${ONLINE_ROLES.join(', ')} (default: the same)`,
    )
    .addOption(
      new Option(ONLINE_PLAIN, 'do not encrypt these keys, for a scheduled job').conflicts(
        'onlinePassphraseFile',
      ),
    )
    .option('--yes', 'make it without a question')
    .option('--json', 'print {schema, repository, root, rootKeyIds, keyFiles} as JSON')
    .addHelpText('after', CHANGE_CODES)
    .action((repository: string, flags: InitFlags) =>
      withPrompt(flags, async (prompt) => {
        const [{ planInit }, { systemDisk }] = await Promise.all([
          import('../release/init.js'),
          import('../release/folder/disk.js'),
        ]);
        let offline = '';
        const passphrase = async (kind: 'offline' | 'online') => {
          if (kind === 'offline') {
            offline = await newPassphrase(flags.passphraseFile, 'the offline keys', prompt);
            return offline;
          }
          if (flags.onlineWithoutPassphrase) return null;
          const file = flags.onlinePassphraseFile;
          return file === undefined ? offline : newPassphrase([file], 'the online keys', prompt);
        };
        const nowMs = new SystemClock().wallMs();
        const plan = planInit({ repository, keys: flags.keys, passphrase, disk: systemDisk, nowMs });
        await runPlan(plan, flags, prompt);
      }),
    );

const addCommand = (): Command =>
  askingCommand('add', 'add a bundle')
    .argument('<bundle>', 'folder of the bundle')
    .action((repository: string, bundle: string, flags: ChangeFlags) =>
      changeRepository(repository, flags, async (state, signing) =>
        (await import('../release/add.js')).planAdd(state, bundle, signing),
      ),
    );

const signCommand = (): Command =>
  askingCommand('sign', 'sign again what expires, and a root that waits for signatures')
    .option('--all', 'sign all roles but the root, after a backup was restored')
    .action((repository: string, flags: ChangeFlags & { readonly all?: boolean }) =>
      changeRepository(repository, flags, async (state, signing) =>
        (await import('../release/sign.js')).planSign(state, signing, flags.all),
      ),
    );

const timestampCommand = (): Command =>
  changeCommand('timestamp', 'sign the timestamp, for a scheduled job; quiet if it succeeds')
    .addHelpText('after', CHANGE_CODES)
    .action((repository: string, flags: ChangeFlags) =>
      changeQuietly(repository, flags, async (state, signing) =>
        (await import('../release/sign.js')).planTimestamp(state, signing),
      ),
    );

interface RotateFlags extends ChangeFlags {
  readonly replace?: string;
  readonly newPassphraseFile?: string;
  readonly onlineWithoutPassphrase?: boolean;
}

const rotateCommand = (): Command =>
  askingCommand('rotate', 'replace the key of a role')
    .addArgument(new Argument('<role>', 'role of the key').choices(ROLES))
    .option('--replace <id>', 'beginning of the id of the replaced key, needed for the root')
    .option('--new-passphrase-file <file>', 'passphrase for the new key (default: that of --passphrase-file)')
    .addOption(
      new Option(ONLINE_PLAIN, 'do not encrypt the new key of an online role').conflicts('newPassphraseFile'),
    )
    .action((repository: string, role: Role, flags: RotateFlags, command: Command) => {
      const { keys, replace, newPassphraseFile: file, onlineWithoutPassphrase: isPlain = false } = flags;
      if (isPlain && !ONLINE_ROLES.includes(role))
        command.error(`error: ${ONLINE_PLAIN} is for ${ONLINE_ROLES.join(', ')} only.`);
      const files = file === undefined ? flags.passphraseFile : [file];
      return changeRepository(repository, flags, async (state, signing, prompt) => {
        const { planRotate } = await import('../release/rotate.js');
        const passphrase = async () =>
          isPlain ? null : newPassphrase(files, `the new key of ${role}`, prompt);
        return planRotate(state, { role, replace, folder: keys[0] ?? '.', passphrase }, signing);
      });
    });

const revokeCommand = (): Command =>
  askingCommand('revoke', 'revoke a version of a bundle: bins return to another one')
    .argument('<name>', 'name of the bundle')
    .argument('<version>', 'version of the bundle')
    .addOption(new Option('--reason <text>', 'why, for the people who run the bins').conflicts('undo'))
    .option('--undo', 'take the revocation back')
    .action(
      (
        repository: string,
        name: string,
        version: string,
        flags: ChangeFlags & { readonly reason?: string; readonly undo?: boolean },
        command: Command,
      ) => {
        const { reason, undo = false } = flags;
        if (!undo && reason === undefined) command.error('error: use --reason TEXT, or --undo.');
        return changeRepository(repository, flags, async (state, signing) => {
          const { planRevoke, planUndoRevoke } = await import('../release/revoke.js');
          const id = { name, version };
          return undo ? planUndoRevoke(state, id, signing) : planRevoke(state, id, reason ?? '', signing);
        });
      },
    );

const removeCommand = (): Command =>
  askingCommand('remove', 'remove an old version of a bundle, to make room')
    .argument('<name>', 'name of the bundle')
    .argument('<version>', 'version of the bundle')
    .action((repository: string, name: string, version: string, flags: ChangeFlags) =>
      changeRepository(repository, flags, async (state, signing) =>
        (await import('../release/remove.js')).planRemove(state, { name, version }, signing),
      ),
    );

interface RolloutFlags extends ChangeFlags {
  readonly halt?: boolean;
  readonly resume?: boolean;
  readonly percent?: number;
  readonly version?: string;
}

const rolloutCommand = (): Command =>
  askingCommand('rollout', 'halt, resume or change the rollout of a bundle, with the online keys')
    .argument('<name>', 'name of the bundle')
    .addOption(new Option('--halt', 'bins install no version of it').conflicts('resume'))
    .option('--resume', 'bins install it again')
    .option('--percent <n>', 'share of the bins, 0 to 100', (text) => parseWhole(text, 100))
    .option('--version <version>', 'version that the bins install')
    .action((repository: string, name: string, flags: RolloutFlags, command: Command) => {
      const { halt = false, resume = false, percent, version } = flags;
      const change = {
        ...(halt || resume ? { halted: halt } : {}),
        ...(percent === undefined ? {} : { percent }),
        ...(version === undefined ? {} : { version }),
      };
      if (Object.keys(change).length === 0)
        command.error('error: use --halt, --resume, --percent or --version.');
      return changeRepository(repository, flags, async (state, signing) =>
        (await import('../release/rollout.js')).planRollout(state, name, change, signing),
      );
    });
