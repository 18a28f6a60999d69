import { join, resolve } from 'node:path';
import type { StatusAnswer } from '../../daemon/status-answer.js';
import { SystemClock } from '../../kit/clock.js';
import { DeadlineExceeded } from '../../kit/deadline.js';
import { SortbinError } from '../../kit/errors.js';
import { CONTROL_SOCKET, ControlError } from '../../network/commands/commands.js';
import { sendCommand } from '../../network/commands/send-command.js';
import { tryBroker } from '../../wire/broker-trial.js';
import { findUnusableMqttFiles, isServiceFile } from '../../wire/publisher.js';
import { CalibrateError } from '../calibrate/calibrate.js';
import { silentLog, withLinesOnDemand } from '../calibrate/stopped-bin.js';
import { type Check, fact, type Section } from '../doctor/doctor.js';
import { inScratchFolder } from '../setup/scratch-folder.js';
import { EXIT } from './failure.js';
import type { CommandConfig } from './loaded-config.js';

const TRIAL_MS = 20_000;

/**
 * Checks the files of the section `mqtt`, then the connection: that of a running bin, or one connection like that of the bin.
 */
export const examineBroker = async (loaded: CommandConfig): Promise<Section> => {
  const title = 'broker';
  const { mqtt } = loaded.config;
  if (mqtt.url === null)
    return {
      title,
      exitCode: EXIT.unavailable,
      checks: [fact('connection', 'not tried: the bin has an embedded broker')],
    };
  // The unit of the Debian package loads the secrets from this folder.
  process.env.CREDENTIALS_DIRECTORY ??= join(loaded.folder, 'credentials');
  const unusable = await findUnusableMqttFiles(loaded);
  if (unusable.length > 0) {
    const checks = unusable.map(({ key, code, message }) => failure(key, message, code));
    return { title, exitCode: EXIT.configuration, checks };
  }
  const files = (['passwordFile', 'ca', 'cert', 'key'] as const).flatMap((key) =>
    mqtt[key] === null || isServiceFile(mqtt[key]) ? [] : [fact(key, mqtt[key])],
  );
  return { title, exitCode: EXIT.unavailable, checks: [...files, await examineConnection(loaded)] };
};

const failure = (name: string, text: string, code: string): Check => ({ name, status: 'fail', text, code });
const note = (text: string): Check => ({ name: 'connection', status: 'note', text: `not tried: ${text}` });

const examineConnection = async (loaded: CommandConfig): Promise<Check> => {
  const { config, folder } = loaded;
  const socket = join(resolve(folder, config.dataDir), CONTROL_SOCKET);
  try {
    const answer = await sendCommand(socket, { command: 'status' }, new SystemClock());
    return answer.ok ? connectionOf(answer.value as StatusAnswer) : note(answer.fault.message);
  } catch (thrown) {
    if (!(thrown instanceof ControlError)) throw thrown;
    // Without the socket, or without a listener, no bin runs. Otherwise one may run, which has the same client id.
    const { code } = (thrown.cause ?? {}) as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ECONNREFUSED') return note(thrown.message);
  }
  const { passwordFile, key } = config.mqtt;
  const hidden = [passwordFile, key].find(isServiceFile);
  if (hidden) return note(`${hidden} exists only while the service runs.`);
  return tryConnection(loaded);
};

/** The connection of a running bin. */
const connectionOf = ({ state, broker }: StatusAnswer): Check => {
  const fault = state.faults.find(({ part }) => part === 'broker');
  if (broker.connected) return fact('connection', `the running bin is connected to ${broker.url}`);
  const problem = fault ? `${fault.code}: ${fault.message}` : 'no connection yet';
  return failure('connection', problem, fault?.code ?? 'not-connected');
};

/** Connects like the bin. */
const tryConnection = async ({ config, folder }: CommandConfig): Promise<Check> => {
  const { signal } = new AbortController();
  try {
    const answer = await withLinesOnDemand({ config, folder }, signal, (_, clock) =>
      inScratchFolder((dataDir) =>
        tryBroker({ config: { ...config, dataDir }, folder, log: silentLog }, TRIAL_MS, clock, signal),
      ),
    );
    if (!answer.ok) return failure('connection', answer.fault.message, answer.fault.code);
    return fact('connection', `connected to ${answer.value}, test message published`);
  } catch (thrown) {
    if (thrown instanceof DeadlineExceeded)
      return failure('connection', `no answer within ${TRIAL_MS / 1_000} seconds`, 'connect-timeout');
    if (thrown instanceof CalibrateError) return note('the bin runs, but does not answer.');
    if (thrown instanceof SortbinError) return failure('connection', thrown.message, thrown.code);
    throw thrown;
  }
};
