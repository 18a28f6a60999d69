import { join } from 'node:path';
import type { BinEvent } from '../cycle/event.js';
import { type Journalled, Runner } from '../cycle/runner.js';
import { withDeadline } from '../kit/deadline.js';
import { type Fault, messageOf } from '../kit/errors.js';
import { packageVersion } from '../kit/root.js';
import { CONTROL_SOCKET } from '../network/commands/commands.js';
import { ControlSocket } from '../network/commands/control-socket.js';
import type { EmbeddedBroker, Publisher } from '../network/mqtt/mqtt.js';
import type { VisionInfo } from '../perception/vision/vision.js';
import { infoOf } from '../status/info.js';
import { Status } from '../status/status.js';
import { digestOf, type LoadedConfig } from '../wire/loaded-config.js';
import { wirePublisher } from '../wire/publisher.js';
import { type WiredBin, wireBin } from '../wire/wire.js';
import { makeCommandHandler } from './commands.js';
import { HardwareEvents } from './hardware-events.js';

/** Deadline for each part to close. The parts close in parallel. */
const CLOSE_MS = 1_500;

/** The addresses and the active model of a bin that has started. */
export interface StartupInfo {
  readonly active: VisionInfo;
  readonly url: string;
  readonly embedded: Pick<EmbeddedBroker, 'port' | 'requestedPort'> | null;
  /** The beginning of all its topics. */
  readonly topics: string;
  readonly journal: string;
}

/** Receives the events of a daemon, for people to read. */
export interface DaemonObserver {
  started(where: StartupInfo): void;
  /** Another runtime has become active. */
  runtimeChanged(active: VisionInfo): void;
  /** A fault was raised; null: the part has recovered. */
  health(part: string, fault: Fault | null): void;
  item(journalled: Journalled): void;
  /** An operator's report was recorded. */
  report(event: BinEvent): void;
  /** Events were dropped from a full outbox. `count`: the total so far. */
  dropped(count: number): void;
}

/** A running bin. */
export class Daemon {
  private constructor(
    private readonly wired: WiredBin,
    private readonly hardwareEvents: HardwareEvents,
    private readonly runner: Runner,
    private readonly publisher: Publisher,
    private readonly broker: EmbeddedBroker | null,
    private readonly control: ControlSocket | null,
  ) {}

  /** Starts all parts and begins to sort. @throws SortbinError; then every part is closed again */
  static async start(loaded: LoadedConfig, observer: DaemonObserver): Promise<Daemon> {
    const { config, log } = loaded;
    const { signal } = new AbortController();
    const wired = await wireBin(loaded, signal);
    const { vision, journal, clock } = wired.parts;
    const opened: (() => Promise<unknown> | undefined)[] = [() => vision.close()];
    const hardwareEvents = new HardwareEvents(wired.hardware, clock, config.panel.refusedMs);
    opened.push(() => hardwareEvents.close());
    try {
      const { publisher, broker, url } = await wirePublisher(loaded, journal, clock);
      opened.push(
        () => publisher.close(),
        () => broker?.close(),
      );
      const active = await vision.start(signal);
      const status = new Status(clock, () => publisher.retain('state', status.snapshot()));
      const health = (part: string, fault: Fault | null) => {
        if (!status.health(part, fault)) return;
        hardwareEvents.health(part, fault);
        observer.health(part, fault);
      };
      const counted = () =>
        void journal.counters().then(
          ({ dropped }) => {
            if (status.dropped(dropped)) observer.dropped(dropped);
          },
          () => {}, // The journal is down: the cycle has reported that.
        );
      const runner = new Runner(wired.parts, wired.cycle, {
        phase: (phase) => {
          log.debug(`cycle: ${phase}`);
          status.phase(phase);
          hardwareEvents.phase(phase);
        },
        health,
        journalled: (journalled) => {
          publisher.notify();
          status.journalled(journalled.event);
          hardwareEvents.journalled(journalled);
          observer.item(journalled);
          counted();
        },
        reported: (event) => {
          publisher.notify();
          status.journalled(event);
          observer.report(event);
          counted();
        },
      });
      hardwareEvents.attend(runner, status, health);
      const announce = (active: VisionInfo) =>
        publisher.retain(
          'info',
          infoOf({
            bin: config.bin,
            sortbin: packageVersion(),
            labels: wired.labels,
            policy: wired.cycle.policy,
            active,
            drivers: {
              trigger: config.trigger.driver,
              camera: config.camera.driver,
              gate: config.gate.driver,
            },
            config: digestOf(config),
          }),
        );
      announce(active);
      vision.onChange((other) => {
        announce(other);
        observer.runtimeChanged(other);
      });
      publisher.start();
      observer.started({
        active,
        url,
        embedded: broker,
        topics: `${config.mqtt.prefix}/${config.bin.id}`,
        journal: join(wired.dataDir, 'journal.db'),
      });
      await runner.start();
      const { compartmentOf, fallback } = wired.cycle.policy;
      const handle = makeCommandHandler({
        trigger: () => wired.hardware.command.fire() !== null,
        compartments: new Set([...compartmentOf.values(), fallback]),
        emptied: (compartment) => hardwareEvents.emptied(compartment, runner, 'command'),
      });
      const control = await ControlSocket.open({
        path: join(wired.dataDir, CONTROL_SOCKET),
        handle,
        clock,
        log,
      });
      return new Daemon(wired, hardwareEvents, runner, publisher, broker, control);
    } catch (error) {
      await Promise.allSettled(opened.map((close) => close()));
      await journal.close().catch(() => {});
      throw error;
    }
  }

  /** Turns the gate off, records the current item and closes all parts. The outbox keeps its events. */
  async stop(): Promise<void> {
    const { trigger, camera, vision, journal, clock, log } = this.wired.parts;
    const closing = (what: string, close: () => Promise<unknown> | undefined) =>
      withDeadline(clock, CLOSE_MS, async () => close()).catch((error) =>
        log.warn({ part: what }, `${what}: not closed: ${messageOf(error)}`),
      );
    await closing('control socket', () => this.control?.close());
    await closing('cycle', () => this.runner.stop());
    await Promise.all([
      closing('trigger', () => trigger.close()),
      closing('lines', () => this.hardwareEvents.close()),
      closing('camera', () => camera.close()),
      closing('vision process', () => vision.close()),
      closing('publisher', () => this.publisher.close()),
    ]);
    await closing('embedded broker', () => this.broker?.close());
    await closing('journal', () => journal.close());
  }
}
