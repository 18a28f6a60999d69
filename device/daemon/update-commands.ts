import { z } from 'zod';
import { COMMAND_NAMES, type Command, type CommandFault, type CommandName } from '../kit/command.js';
import { type Answer, done, type Fault, failed } from '../kit/errors.js';
import { type BundleId, isBundleName, isBundleVersion } from '../update/bundle-id.js';
import { METADATA_LIMITS } from '../update/repository/limits.js';
import type { RootOfTrust } from '../update/repository/repository.js';
import type { UpdateFault, UpdateStatus } from '../update/status.js';
import {
  bundleDetailsSchema,
  bundleListSchema,
  trustedRootSchema,
  updateStatusSchema,
} from '../update/status-schema.js';
import type { Updater } from '../update/updater.js';
import { activeAnswer, checkAnswer, installAnswer, pinAnswer, unpinAnswer } from './update-answers.js';

export interface UpdateCommandParts {
  readonly updater: Pick<
    Updater,
    | 'status'
    | 'list'
    | 'show'
    | 'check'
    | 'install'
    | 'settled'
    | 'activate'
    | 'rollback'
    | 'pin'
    | 'unpin'
    | 'offer'
  >;
  readonly trust: RootOfTrust;
  /** Whether `update.url` names a repository. */
  readonly hasRepository: boolean;
  /** Whether `update.root` names the root of trust. */
  readonly hasConfiguredRoot: boolean;
}

/** A request that takes longer than an answer may. */
export interface UpdateTask {
  readonly name: string;
  readonly isRunning: boolean;
  /** How it ended, for people; null: it runs, or it failed. */
  readonly message: string | null;
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
const oneBundle = z.strictObject({ bundle: bundleId.describe('`name` and `version` of a bundle') });
const toInstall = z.strictObject({
  bundle: bundleId.optional().describe('`name` and `version` of a bundle; without it, the newest one'),
  folder: z
    .string()
    .min(1)
    .max(4096)
    .startsWith('/')
    .optional()
    .describe('Folder of a repository on the bin, such as a USB stick; without it, `update.url`'),
});
const rootText = z.strictObject({
  root: z.string().max(METADATA_LIMITS.rootBytes).describe('Text of a root.json'),
});
const begun = z.literal('begun').describe('It was begun: `model.status` shows how it ends');
const modelStatusSchema = updateStatusSchema.extend({
  task: z
    .object({
      name: z.string().describe('Its name: `check`, `install`, `activate` or `rollback`'),
      isRunning: z.boolean().describe('Whether it runs'),
      message: z.string().nullable().describe('How it ended, for people; `null`: it runs, or it failed'),
      fault: updateStatusSchema.shape.fault.describe('Why it failed'),
    })
    .nullable()
    .describe('The newest request that begins something'),
});

/** The commands for the models of a running bin. */
export const makeUpdateCommands = ({
  updater,
  trust,
  hasRepository,
  hasConfiguredRoot,
}: UpdateCommandParts): Command[] => {
  const tasks = new Tasks();
  const begin = <Request>(
    name: ShortName,
    schema: z.ZodType<Request>,
    work: (request: Request, signal: AbortSignal) => Promise<Answer<string>>,
  ): Command<Request, 'begun'> => ({
    ...named(name),
    schema,
    result: begun,
    actuates: false,
    run: async (request, { signal }) => tasks.begin(name, signal, (inner) => work(request, inner)),
  });
  const query = <Request, Result>(
    name: ShortName,
    schema: z.ZodType<Request>,
    result: z.ZodType<NoInfer<Result>>,
    run: (request: Request) => Promise<Answer<Result, UpdateFault>>,
  ): Command<Request, Result> => ({
    ...named(name),
    schema,
    result,
    actuates: false,
    isQuery: true,
    run: async (request) => asCommandAnswer(await run(request)),
  });
  /** A bin without a repository does not poll. */
  const offer = async () => (hasRepository ? updater.offer() : null);
  const activation = <Request>(
    name: ShortName,
    schema: z.ZodType<Request>,
    activate: (request: Request, signal: AbortSignal) => Promise<Answer<BundleId, UpdateFault>>,
  ) =>
    begin(name, schema, async (request, signal) => {
      const before = updater.status().current;
      const answer = await activate(request, signal);
      if (!answer.ok) return answer;
      return done(activeAnswer(answer.value, before, updater.status(), await offer()));
    });
  const noRepository = failed('update-unreachable', 'This bin has no repository. Set update.url.');
  const configuredRoot = failed(
    'control-failed',
    'update.root: the configuration names the root of trust. Replace its file, then restart the bin.',
  );
  return [
    query('status', nothing, modelStatusSchema, async () =>
      done<ModelStatus>({ ...updater.status(), task: tasks.newest }),
    ),
    query('list', nothing, bundleListSchema, () => updater.list()),
    query('show', oneBundle, bundleDetailsSchema, ({ bundle }) => updater.show(bundle)),
    query('root', nothing, trustedRootSchema.nullable(), () => trust.trustedRoot()),
    begin('check', nothing, async (_, signal) => {
      if (!hasRepository) return noRepository;
      const checked = await updater.check(signal);
      return checked.ok ? done(checkAnswer(updater.status(), await updater.offer())) : checked;
    }),
    begin('install', toInstall, async ({ bundle: id, folder }, signal) => {
      if (folder === undefined && !hasRepository) return noRepository;
      const before = updater.status().current;
      const wanted = { ...(id ? { id } : {}), ...(folder === undefined ? {} : { folder }) };
      const begun = await updater.install(wanted, signal);
      return begun.ok ? installAnswer(begun.value, { before, id }, await updater.settled(signal)) : begun;
    }),
    activation('activate', oneBundle, ({ bundle }, signal) => updater.activate(bundle, signal)),
    activation('rollback', nothing, (_, signal) => updater.rollback(signal)),
    simple('pin', async () => {
      const answer = await updater.pin();
      return answer.ok ? done(pinAnswer(updater.status())) : answer;
    }),
    simple('unpin', async () => {
      const answer = await updater.unpin();
      return answer.ok ? done(unpinAnswer(updater.status(), await offer())) : answer;
    }),
    {
      ...named('trust'),
      schema: rootText,
      result: trustedRootSchema,
      actuates: false,
      run: async ({ root }: z.infer<typeof rootText>) =>
        hasConfiguredRoot ? configuredRoot : asCommandAnswer(await trust.trustRoot(root)),
    },
  ] as Command[];
};

type ModelCommand = Extract<CommandName, `model.${string}`>;
type ShortName = ModelCommand extends `model.${infer Name}` ? Name : never;

const DESCRIPTIONS: Readonly<Record<ShortName, string>> = {
  status: 'returns the state of updates',
  list: 'lists the bundles, with what was checked and why some were rejected',
  show: 'returns what is known about a bundle',
  root: 'returns the root of trust',
  check: 'fetches the metadata of the repository, and applies its revocations',
  install: 'installs and activates a bundle, by default the newest one',
  activate: 'activates an installed bundle, or the factory bundle',
  rollback: 'goes back to the previous bundle, else to the factory bundle',
  pin: 'keeps the active bundle, unless it is revoked or fails',
  unpin: 'ends a pin',
  trust: 'stores a root of trust',
};

/** The part of a command that its name determines. */
const named = <Name extends ShortName>(name: Name) =>
  ({ name: `model.${name}`, description: DESCRIPTIONS[name] }) as const;

/** The same commands on a bin whose store cannot be used: they answer with the reason. */
export const refusedCommands = ({ message }: Fault): Command[] =>
  COMMAND_NAMES.filter((name): name is ModelCommand => name.startsWith('model.')).map((name) => ({
    ...named(name.slice('model.'.length) as ShortName),
    schema: z.looseObject({}),
    result: z.never(),
    actuates: false,
    isQuery: true,
    run: async () => failed('control-failed', message),
  }));

const simple = (
  name: ShortName,
  run: () => Promise<Answer<string, UpdateFault>>,
): Command<z.infer<typeof nothing>, string> => ({
  ...named(name),
  schema: nothing,
  result: z.string().describe('A text for people'),
  actuates: false,
  run: async () => asCommandAnswer(await run()),
});

const asCommandAnswer = <T>(answer: Answer<T, UpdateFault>): Answer<T, CommandFault> =>
  answer.ok ? answer : failed('control-failed', answer.fault.message);

/** A slow network can keep these running for hours. */
const SLOW = ['check', 'install'];
/** A person who wants another model now does not wait for them. */
const URGENT = ['activate', 'rollback'];

/** Runs one request at a time beside its answer. An urgent request replaces a slow one. */
class Tasks {
  newest: UpdateTask | null = null;
  #abort = () => {};

  begin(
    name: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<Answer<string>>,
  ): Answer<'begun', 'control-failed'> {
    const running = this.newest?.isRunning ? this.newest.name : null;
    if (running !== null && !(URGENT.includes(name) && SLOW.includes(running)))
      return failed('control-failed', `model.${name}: model.${running} is running. Try again later.`);
    this.#abort();
    const controller = new AbortController();
    this.#abort = () => controller.abort(new Error(`model.${name} was replaced`));
    const task: UpdateTask = { name, isRunning: true, message: null, fault: null };
    this.newest = task;
    work(AbortSignal.any([signal, controller.signal]))
      .catch((thrown: unknown) => failed('update-stopped', String(thrown)))
      .then((answer) => {
        if (this.newest !== task) return;
        const ended = answer.ok
          ? { message: answer.value, fault: null }
          : { message: null, fault: answer.fault };
        this.newest = { name, isRunning: false, ...ended };
      });
    return done('begun');
  }
}
