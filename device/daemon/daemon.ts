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
import { digestOf, type LoadedConfig, type WiredBin, wireBin, wirePublisher } from '../wire/wire.js';
import { makeCommandHandler } from './commands.js';
import { HardwareEvents } from './hardware-events.js';

/** Each of the parts is given so long to close; they close side by side. */
const CLOSE_MS = 1_500;

/** Where to look at a bin that has started. */
export interface StartupInfo {
  readonly active: VisionInfo;
  readonly url: string;
  readonly embedded: Pick<EmbeddedBroker, 'port' | 'wanted'> | null;
  /** What all its topics begin with. */
  readonly topics: string;
  readonly journal: string;
}

/** Who tells people what happens. */
export interface DaemonObserver {
  started(where: StartupInfo): void;
  /** Another runtime serves than before. */
  runtimeChanged(served: VisionInfo): void;
  /** A fault was raised, or (null) is over. */
  health(part: string, fault: Fault | null): void;
  item(journalled: Journalled): void;
  /** A person said something of the bin. */
  report(event: BinEvent): void;
  /** Events were lost to the bound of the outbox: so many so far. */
  dropped(count: number): void;
}

/** A bin at work. */
export class Daemon {
  private constructor(
    private readonly wired: WiredBin,
    private readonly hardwareEvents: HardwareEvents,
    private readonly runner: Runner,
    private readonly publisher: Publisher,
    private readonly broker: EmbeddedBroker | null,
    private readonly control: ControlSocket | null,
  ) {}

  /** Brings all parts up and begins to sort. @throws SortbinError, and nothing is left open */
  static async start(setting: LoadedConfig, narrator: DaemonObserver): Promise<Daemon> {
    const { config, log } = setting;
    const wired = await wireBin(setting);
    const { vision, journal, clock } = wired.parts;
    const opened: (() => Promise<unknown> | undefined)[] = [() => vision.close()];
    const hardwareEvents = new HardwareEvents(wired.hardware, clock, config.panel.refusedMs);
    opened.push(() => hardwareEvents.close());
    try {
      const { publisher, broker, url } = await wirePublisher(setting, journal, clock);
      opened.push(
        () => publisher.close(),
        () => broker?.close(),
      );
      const served = await vision.start();
      const status = new Status(clock, () => publisher.state(status.snapshot()));
      const health = (part: string, fault: Fault | null) => {
        if (!status.health(part, fault)) return;
        hardwareEvents.health(part, fault);
        narrator.health(part, fault);
      };
      const counted = () =>
        void journal.counters().then(
          ({ dropped }) => {
            if (status.dropped(dropped)) narrator.dropped(dropped);
          },
          () => {}, // The journal is down: the cycle says so.
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
          narrator.item(journalled);
          counted();
        },
        reported: (event) => {
          publisher.notify();
          status.journalled(event);
          narrator.report(event);
          counted();
        },
      });
      hardwareEvents.attend(runner, status, health);
      const announce = (served: VisionInfo) =>
        publisher.info(
          infoOf({
            bin: config.bin,
            sortbin: packageVersion(),
            labels: wired.labels,
            policy: wired.cycle.policy,
            active: served,
            drivers: {
              trigger: config.trigger.driver,
              camera: config.camera.driver,
              gate: config.gate.driver,
            },
            config: digestOf(config),
          }),
        );
      announce(served);
      vision.onChange((other) => {
        announce(other);
        narrator.runtimeChanged(other);
      });
      publisher.start();
      narrator.started({
        active: served,
        url,
        embedded: broker,
        topics: `${config.mqtt.prefix}/${config.bin.id}`,
        journal: join(wired.dataDir, 'journal.db'),
      });
      await runner.start();
      const { compartmentOf, fallback } = wired.cycle.policy;
      const obey = makeCommandHandler({
        trigger: () => wired.hardware.command.fire() !== null,
        compartments: new Set([...compartmentOf.values(), fallback]),
        emptied: (compartment) => hardwareEvents.emptied(compartment, runner, 'command'),
      });
      const control = await ControlSocket.open({
        path: join(wired.dataDir, CONTROL_SOCKET),
        obey,
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

  /** De-energises the gate, writes down what is in hand and closes all parts; what is in the outbox stays there. */
  async stop(): Promise<void> {
    const { trigger, camera, vision, journal, clock, log } = this.wired.parts;
    const closing = (what: string, close: () => Promise<unknown> | undefined) =>
      withDeadline(clock, CLOSE_MS, async () => close()).catch((error) =>
        log.warn(`${what} did not close: ${messageOf(error)}`),
      );
    await closing('the commands', () => this.control?.close());
    await closing('the cycle', () => this.runner.stop());
    await Promise.all([
      closing('the trigger', () => trigger.close()),
      closing('the lines', () => this.hardwareEvents.close()),
      closing('the camera', () => camera.close()),
      closing('the vision child', () => vision.close()),
      closing('the publisher', () => this.publisher.close()),
    ]);
    await closing('the embedded broker', () => this.broker?.close());
    await closing('the journal', () => journal.close());
  }
}
