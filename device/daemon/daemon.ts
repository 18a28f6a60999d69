import { join } from 'node:path';
import type { Observer, ServedModel } from '../cycle/observer.js';
import type { Policy } from '../cycle/policy.js';
import { Runner } from '../cycle/runner.js';
import { type Clock, SystemClock } from '../kit/clock.js';
import type { Fault } from '../kit/errors.js';
import { newId } from '../kit/ids.js';
import { BUILT_AT_MS } from '../kit/root.js';
import { TimeSync } from '../kit/time-sync.js';
import { CONTROL_SOCKET } from '../network/commands/commands.js';
import { ControlSocket } from '../network/commands/control-socket.js';
import { MqttCommands } from '../network/commands/mqtt-commands.js';
import { CommandRegistry } from '../network/commands/registry.js';
import type { EmbeddedBroker } from '../network/mqtt/mqtt.js';
import type { SlotModel } from '../perception/model/model.js';
import { Liveness } from '../status/liveness.js';
import { machineReport } from '../status/machine-report.js';
import { Status } from '../status/status.js';
import { makeMachineSensors } from '../wire/hardware.js';
import { wireHomeAssistant } from '../wire/homeassistant.js';
import { wireHttp } from '../wire/http.js';
import { cycleOptions, type LoadedConfig } from '../wire/loaded-config.js';
import { urlWithoutLogin } from '../wire/publisher.js';
import { wireSystemd } from '../wire/systemd.js';
import { BinMessages } from './bin-messages.js';
import { type BinParts, startParts } from './bin-parts.js';
import { LastDecided, makeCommands } from './commands.js';
import { earlierCounters } from './earlier-counters.js';
import { GateLock } from './gate-lock.js';
import { PictureHealth } from './health-hub.js';
import { connectHealth } from './health-sources.js';
import { Hold } from './hold.js';
import { ImagePublisher } from './image-publisher.js';
import { MachineMonitor } from './machine-monitor.js';
import { ObserverList } from './observer-list.js';
import { OperatorPanel } from './operator-panel.js';
import { capabilitiesOf, OutboxObserver, PublisherObserver } from './publisher-observer.js';
import { ServiceList } from './service-list.js';
import { ServiceSwitch } from './service-switch.js';
import { readStatus } from './status-answer.js';
import { makeUpdateCommands, refusedCommands } from './update-commands.js';
import { UpdateObserver } from './update-observer.js';
import { summaryOf } from './update-summary.js';

/** Deadline to stop all services together. */
const STOP_MS = 1_700;

/** The longest times without progress. */
const LIVENESS = { eventLoopMs: 10_000, partMs: { camera: 60_000, journal: 60_000, vision: 60_000 } };

/** The addresses of a bin. */
export interface StartupInfo {
  readonly url: string;
  readonly embedded: Pick<EmbeddedBroker, 'port' | 'requestedPort'> | null;
  /** The beginning of all its topics. */
  readonly topics: string;
  readonly journal: string;
}

export interface DaemonOptions {
  /** Further observers, with their names. */
  readonly observers: Readonly<Record<string, Observer>>;
  /** Called before the first item. */
  readonly onAddresses: (info: StartupInfo) => void;
  /** Called with an error after which the process must exit. The gate is safe. */
  readonly onFatal: (error: unknown) => void;
}

/** A running bin: an ordered list of services, and a list of observers. */
export class Daemon {
  readonly #clock: Clock = new SystemClock({ synchronised: () => this.#timeSync.synchronised() });
  readonly #timeSync = new TimeSync({ clock: this.#clock });
  readonly #services: ServiceList;

  constructor(
    private readonly loaded: LoadedConfig,
    private readonly options: DaemonOptions,
  ) {
    this.#services = new ServiceList({ stopMs: STOP_MS, clock: this.#clock, log: loaded.log });
  }

  /**
   * Starts all services, one after the other, and begins to sort.
   * @throws SortbinError, or the reason of `signal` as soon as it is aborted. All services are stopped then
   */
  async start(signal: AbortSignal): Promise<void> {
    try {
      const { onFatal } = this.options;
      const parts = await startParts(this.loaded, this.#clock, this.#services, onFatal, signal);
      await this.#startCycle(parts, signal);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Makes the gate safe, records the current item and stops all services. The outbox keeps its events. */
  stop(): Promise<void> {
    return this.#services.stop();
  }

  async #startCycle(parts: BinParts, signal: AbortSignal): Promise<void> {
    const { config, log } = this.loaded;
    const { dataDir, journal, hardware, camera, model, updates, publisher } = parts;
    const { panel, gate, trigger, fillParts, service } = hardware;
    const clock = this.#clock;

    const commands = new CommandRegistry({
      isAllowed: (name, source) => source !== 'mqtt' || config.mqtt.commands.some((one) => one === name),
      transactions: journal,
      newId,
      clock,
      log,
    });
    const { refusedMs } = config.panel;
    const operatorPanel = new OperatorPanel({ panel, fillParts, commands, refusedMs, clock });
    const earlier = await earlierCounters(journal, clock);
    const status = new Status(clock, () => messages.changed(), earlier);
    const machineNow = () => machineReport(machine.readings, clock);
    const messages = await BinMessages.open({ status, journal, publisher, machine: machineNow, clock, log });
    const { dropped, undeliverable, unrecorded } = await journal.counters();
    status.dropped(dropped);
    status.undeliverable(undeliverable);
    status.unrecorded(unrecorded);
    if (unrecorded > 0)
      log.info({ unrecorded }, `journal: ${unrecorded} events could not be recorded since it was created`);
    const liveness = new Liveness(LIVENESS, clock);
    const systemd = await wireSystemd({ status, liveness, clock, log });
    const read = async () => ({ ...(await readStatus(commandParts)), machine: machine.readings });
    const http = await wireHttp(config, { read, status, liveness, clock, log });
    const homeAssistant = await wireHomeAssistant(this.loaded, { publisher, journal, clock });
    const lastDecided = new LastDecided();
    const onHeld = (isHeld: boolean) => status.held(isHeld);
    const hold = new Hold({
      lock: { set: (...change) => gateLock.set(...change) },
      journal,
      clock,
      log,
      onHeld,
    });
    const outbox = new OutboxObserver(journal, dropped, {
      dropped: (count) => observers.dropped(count),
      undeliverable: (count) => observers.undeliverable(count),
    });
    publisher.delivery.onHealth(() => outbox.check());
    const observers = new ObserverList(
      {
        status,
        'operator panel': operatorPanel,
        publisher: new PublisherObserver(publisher, config, capabilitiesOf(parts, config), (info) =>
          homeAssistant.update(info),
        ),
        outbox,
        messages,
        'last decided': lastDecided,
        hold,
        ...(updates.off === null ? { updates: new UpdateObserver(updates, model, publisher) } : {}),
        ...(config.mqtt.image ? { image: new ImagePublisher(publisher, model, clock, log) } : {}),
        'picture health': new PictureHealth((fault) => health.report('camera', fault, 'picture')),
        ...(systemd ? { systemd } : {}),
        ...(http ? { metrics: http.metrics } : {}),
        ...this.options.observers,
      },
      log,
    );
    const onLocked = (locked: boolean) => observers.locked(locked);
    const gateLock = new GateLock({ gate, clock, onLocked });
    const serviceSwitch = new ServiceSwitch({ input: service, lock: gateLock });

    const health = connectHealth(parts, gateLock, status, observers);
    const machine = new MachineMonitor({
      sensors: makeMachineSensors(dataDir),
      builtAtMs: BUILT_AT_MS,
      clock,
      onFault: (part, fault) => health.report(part, fault, 'machine'),
    });
    observers.served(servedModel(model.active));
    model.onChange((active) => observers.served(servedModel(active)));
    publisher.start();
    this.options.onAddresses(this.#addresses(parts));

    const cycleParts = {
      ...{ trigger, camera, model, gate, journal, clock, newId, log },
      light: panel.light,
      progress: liveness,
      ...(fillParts ? { fill: fillParts.fill } : {}),
    };
    const observer = {
      phase: observers.phase.bind(observers),
      event: observers.event.bind(observers),
      unrecorded: (count: number) => observers.unrecorded(unrecorded + count),
      health: (part: string, fault: Fault | null) => health.report(part, fault, 'cycle'),
    };
    const runner = new Runner(cycleParts, cycleOptions(config), observer, this.options.onFatal);
    // Before a command may come, and before the gate may move.
    await hold.restore(runner);
    const hasRepository = config.update.url !== null;
    const commandParts = {
      ...{ runner, hold, hardware, model, lastDecided, status, liveness, journal, publisher, clock },
      machine: machineNow,
      brokerUrl: urlWithoutLogin(parts.url),
      updates: () => (updates.off === null ? summaryOf(updates.updater.status(), hasRepository) : null),
    };
    const hasConfiguredRoot = config.update.root !== null;
    const updateCommands =
      updates.off === null
        ? makeUpdateCommands({ ...updates, hasRepository, hasConfiguredRoot })
        : refusedCommands(updates.off);
    for (const command of [...makeCommands(commandParts), ...updateCommands]) commands.add(command);

    const controlSocket = new ControlSocket({ path: join(dataDir, CONTROL_SOCKET), commands, clock, log });
    health.connect('control-socket', controlSocket);
    health.connect('http', http?.server ?? null);
    const mqttCommands = new MqttCommands({
      ...{ commands, publisher, clock, log },
      ...{ prefix: config.mqtt.prefix, bin: config.bin.id },
    });
    const cycle = {
      name: 'cycle',
      start: () => runner.start(),
      stop: () => {
        systemd?.stopping();
        return runner.stop();
      },
    };
    // The cycle is the last one to start and the first one to stop: it makes the gate safe.
    const services = [
      ...[this.#timeSync, liveness, machine, messages, gateLock, serviceSwitch],
      ...[
        commands,
        operatorPanel,
        controlSocket,
        mqttCommands,
        homeAssistant,
        ...(http ? [http.server] : []),
        cycle,
      ],
    ];
    for (const one of systemd ? [systemd, ...services] : services) await this.#services.start(one, signal);
    systemd?.ready();
    if (updates.off === null) await this.#services.start(updates.updater, signal);
  }

  #addresses({ url, broker, dataDir }: BinParts): StartupInfo {
    const { mqtt, bin } = this.loaded.config;
    const topics = `${mqtt.prefix}/${bin.id}`;
    return { url, embedded: broker, topics, journal: join(dataDir, 'journal.db') };
  }
}

const servedModel = ({ info, bundle: { manifest }, policy }: SlotModel<Policy>): ServedModel => ({
  info,
  labels: manifest.labels,
  policy,
  purity: testedPurity(manifest, policy),
});

const testedPurity = (
  { policy: tested, validation }: SlotModel<Policy>['bundle']['manifest'],
  { confidence, margin }: Policy,
): number | null => {
  const { purity } = (validation?.policy ?? {}) as { readonly purity?: unknown };
  const isTested = confidence === tested.confidence && margin === tested.margin;
  return isTested && typeof purity === 'number' ? purity : null;
};
