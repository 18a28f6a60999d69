import type { Config } from '../../../config/schema.js';
import { DeadlineExceeded } from '../../../kit/deadline.js';
import type { Fault } from '../../../kit/errors.js';
import { tryBroker } from '../../../wire/broker-trial.js';
import { urlWithoutLogin } from '../../../wire/publisher.js';
import { silentLog, withLinesOnDemand } from '../../calibrate/stopped-bin.js';
import { inScratchFolder } from '../scratch-folder.js';
import { type AskContext, type Patch, SetupError, type Step, type StepContext } from '../setup.js';
import { NONE } from './line-question.js';

const DEADLINE_MS = 20_000;

/** The MQTT broker, tried with one message. */
export const brokerStep: Step = {
  name: 'broker',
  title: 'MQTT broker',
  intro: 'The bin publishes its events over MQTT. The test connects and publishes one message.',
  section: 'mqtt',
  summary,
  ask,
  check,
};

function summary({ mqtt }: Config): string {
  if (mqtt.url === null) return 'the embedded broker';
  return `${urlWithoutLogin(mqtt.url)}${mqtt.username === null ? '' : `, user ${mqtt.username}`}`;
}

const KINDS = [
  { value: 'embedded', label: 'the embedded broker of the bin: no other program is needed' },
  { value: 'own', label: 'a broker of your network' },
] as const;

const NO_BROKER = {
  ...{ url: null, username: null, password: null, passwordFile: null },
  ...{ ca: null, cert: null, key: null },
};

async function ask({ prompt, config: { mqtt }, problemOf }: AskContext): Promise<Patch> {
  const kind = await prompt.choose('Broker', KINDS, mqtt.url === null ? 'embedded' : 'own');
  if (kind === 'embedded') return { mqtt: NO_BROKER };
  const url = await prompt.text('URL: mqtt://HOST, or mqtts://HOST with TLS', mqtt.url ?? '', (answer) =>
    problemOf({ mqtt: { url: answer } }, 'mqtt.url'),
  );
  const username = await prompt.text(`User name, or ${NONE}`, mqtt.username ?? NONE);
  if (username === NONE) return { mqtt: { url, username: null, password: null, passwordFile: null } };
  const isKept = username === mqtt.username && (mqtt.password ?? mqtt.passwordFile) !== null;
  const password = await prompt.secret(`Password${isKept ? ', Enter keeps the present one' : ''}`);
  return { mqtt: { url, username, ...(password === '' && isKept ? {} : { password: password || null }) } };
}

async function check({ config, folder, say, signal }: StepContext): Promise<Patch> {
  const answer = await withLinesOnDemand({ config, folder }, signal, (_, clock) =>
    inScratchFolder((dataDir) => {
      const loaded = { config: { ...config, dataDir }, folder, log: silentLog };
      return tryBroker(loaded, DEADLINE_MS, clock, signal);
    }),
  ).catch((thrown) => {
    if (!(thrown instanceof DeadlineExceeded)) throw thrown;
    throw brokerError({
      code: 'connect-timeout',
      message: `no answer within ${DEADLINE_MS / 1_000} seconds.`,
    });
  });
  if (!answer.ok) throw brokerError(answer.fault);
  say(`Connected to ${answer.value}, test message published.`);
  return {};
}

const brokerError = ({ code, message }: Fault): SetupError =>
  new SetupError('setup-broker', `mqtt: ${code}: ${message}`);
