import { z } from 'zod';
import type { Command, CommandContext, CommandFault } from '../kit/command.js';
import { type Answer, done, type Fault, failed } from '../kit/errors.js';
import { isBundleName, isBundleVersion, textOf } from '../update/bundle-id.js';
import type { RootOfTrust } from '../update/repository/repository.js';
import type { UpdateFault, UpdateStatus } from '../update/status.js';
import type { Updater } from '../update/updater.js';

export interface UpdateCommandParts {
  readonly updater: Pick<
    Updater,
    'status' | 'list' | 'check' | 'install' | 'settled' | 'activate' | 'rollback' | 'pin' | 'unpin'
  >;
  readonly trust: RootOfTrust;
  /** Whether `update.url` names a repository. */
  readonly hasRepository: boolean;
}

/** A request that takes longer than an answer may. */
export interface UpdateTask {
  readonly name: string;
  readonly isRunning: boolean;
  readonly fault: Fault | null;
}

/** The value of `model.status`. */
export interface ModelStatus extends UpdateStatus {
  /** The newest request of `model.check`, `model.install`, `model.activate` or `model.rollback`. */
  readonly task: UpdateTask | null;
}

const nothing = z.strictObject({});
const bundleId = z.strictObject({
  name: z.string().refine(isBundleName, 'not a name of a bundle'),
  version: z.string().refine(isBundleVersion, 'not a semantic version such as 1.4.0'),
});
const oneBundle = z.strictObject({ bundle: bundleId });
const toInstall = z.strictObject({
  bundle: bundleId.optional(),
  /** Folder of a repository on the bin, such as a USB stick. */
  folder: z.string().min(1).max(4096).startsWith('/').optional(),
});
const rootText = z.strictObject({ root: z.string().max(64 * 1024) });

/** The commands for the models of a running bin. */
export const makeUpdateCommands = ({ updater, trust, hasRepository }: UpdateCommandParts): Command[] => {
  const tasks = new Tasks();
  const begin = <Request>(
    name: string,
    schema: z.ZodType<Request>,
    work: (request: Request, signal: AbortSignal) => Promise<Answer<unknown, UpdateFault>>,
  ): Command<Request, 'begun'> => ({
    name: `model.${name}`,
    schema,
    actuates: false,
    run: async (request, { signal }) => tasks.begin(name, () => work(request, signal)),
  });
  const query = <Result>(
    name: string,
    run: (signal: AbortSignal) => Promise<Answer<Result, UpdateFault>>,
  ): Command<z.infer<typeof nothing>, Result> => ({
    name: `model.${name}`,
    schema: nothing,
    actuates: false,
    isQuery: true,
    run: async (_, { signal }: CommandContext) => asCommandAnswer(await run(signal)),
  });
  const noRepository = failed('update-unreachable', 'This bin has no repository. Set update.url.');
  return [
    query('status', async () => done<ModelStatus>({ ...updater.status(), task: tasks.newest })),
    query('list', () => updater.list()),
    query('root', () => trust.trustedRoot()),
    begin('check', nothing, async (_, signal) => (hasRepository ? updater.check(signal) : noRepository)),
    begin('install', toInstall, async ({ bundle, folder }, signal) => {
      if (folder === undefined && !hasRepository) return noRepository;
      const wanted = { ...(bundle ? { id: bundle } : {}), ...(folder === undefined ? {} : { folder }) };
      const begun = await updater.install(wanted, signal);
      if (!begun.ok) return begun;
      const { current, last } = await updater.settled(signal);
      if (textOf(current) === textOf(begun.value) || last?.event === 'installed') return begun;
      return failed('update-rejected', `${textOf(begun.value)}: ${last?.reason ?? 'not activated'}`);
    }),
    begin('activate', oneBundle, ({ bundle }, signal) => updater.activate(bundle, signal)),
    begin('rollback', nothing, (_, signal) => updater.rollback(signal)),
    pinCommand('pin', () => updater.pin()),
    pinCommand('unpin', () => updater.unpin()),
    {
      name: 'model.trust',
      schema: rootText,
      actuates: false,
      run: async ({ root }: z.infer<typeof rootText>) => asCommandAnswer(await trust.trustRoot(root)),
    },
  ] as Command[];
};

const pinCommand = (
  name: string,
  run: () => Promise<Answer<void, UpdateFault>>,
): Command<z.infer<typeof nothing>, null> => ({
  name: `model.${name}`,
  schema: nothing,
  actuates: false,
  run: async () => {
    const answer = asCommandAnswer(await run());
    return answer.ok ? done(null) : answer;
  },
});

const asCommandAnswer = <T>(answer: Answer<T, UpdateFault>): Answer<T, CommandFault> =>
  answer.ok ? answer : failed('control-failed', answer.fault.message);

/** Runs one request at a time beside its answer. */
class Tasks {
  newest: UpdateTask | null = null;

  begin(name: string, work: () => Promise<Answer<unknown, UpdateFault>>): Answer<'begun', 'control-failed'> {
    if (this.newest?.isRunning)
      return failed(
        'control-failed',
        `model.${name}: model.${this.newest.name} is running. Try again later.`,
      );
    this.newest = { name, isRunning: true, fault: null };
    work()
      .then(
        (answer) => (answer.ok ? null : answer.fault),
        (thrown: unknown) => ({ code: 'update-stopped', message: String(thrown) }),
      )
      .then((fault) => {
        this.newest = { name, isRunning: false, fault };
      });
    return done('begun');
  }
}
