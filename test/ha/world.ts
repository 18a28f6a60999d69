import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Mosquitto } from '../support/brokers/mosquitto.js';
import type { Findings } from '../support/findings.js';
import { until } from '../support/until.js';
import { Bin, type BinConfig } from './bin.js';
import { EntityList } from './entity-list.js';
import { HomeAssistant } from './home-assistant.js';
import { Witness } from './witness.js';

const POLL_MS = 100;
/** Home Assistant announces its start some seconds later. */
const BIRTH_MS = 30_000;
/** A bin answers within 11 s. */
const SETTLE_MS = 13_000;
const EXPECT_MS = 30_000;
/** The device of a bin with the default configuration. */
export const DEVICE = 'sortbin-bin';

/** A new Home Assistant, a broker and the bins of one scenario. */
export class World {
  readonly #bins: Bin[] = [];

  private constructor(
    readonly folder: string,
    readonly findings: Findings,
    readonly broker: Mosquitto,
    readonly homeAssistant: HomeAssistant,
    readonly witness: Witness,
  ) {}

  /** Calls `use` with a world in a folder, and ends all its programs. `hasFrontend`: Home Assistant has its web pages. */
  static async use(
    folder: string,
    findings: Findings,
    hasFrontend: boolean,
    use: (world: World) => Promise<void>,
  ): Promise<void> {
    const broker = await Mosquitto.start(folder);
    const homeAssistant = await HomeAssistant.make(folder, broker.port, hasFrontend);
    const witness = await Witness.connect(broker.url);
    const world = new World(folder, findings, broker, homeAssistant, witness);
    try {
      await homeAssistant.start();
      await use(world);
    } finally {
      for (const bin of world.#bins) await bin.stop();
      await homeAssistant.stop();
      await witness.close();
      await broker.stop();
    }
  }

  /** Adds what Home Assistant logs, and what it would ignore in the payloads of discovery. */
  checkTroubles(): void {
    const { troubles } = this.homeAssistant;
    this.findings.check(troubles.length === 0, `the log of Home Assistant has\n${troubles.join('')}`);
    const { count, problems } = this.witness.checkPayloads(this.folder);
    this.findings.check(problems === '', `payloads of discovery:\n${problems}`);
    this.findings.note(`${count} payloads of discovery have only keys that Home Assistant knows`);
  }

  /** Makes a bin that is not started. */
  makeBin(folder: string, config: BinConfig = {}): Bin {
    const bin = new Bin(join(this.folder, folder), this.broker.url, config);
    this.#bins.push(bin);
    return bin;
  }

  async startBin(folder: string, config: BinConfig = {}): Promise<Bin> {
    const bin = this.makeBin(folder, config);
    await bin.start();
    return bin;
  }

  /** Asks until the answer is right. Adds a finding with the last answer if it stays wrong. */
  async expect<T>(
    what: string,
    ask: () => Promise<T>,
    isRight: (answer: T) => boolean,
    shown: (answer: T) => unknown = (answer) => answer,
  ): Promise<T> {
    const endMs = performance.now() + EXPECT_MS;
    let answer = await ask();
    while (!isRight(answer) && performance.now() < endMs) {
      await wait(POLL_MS);
      answer = await ask();
    }
    this.findings.check(isRight(answer), `${what}, but: ${JSON.stringify(shown(answer))}`);
    return answer;
  }

  /** Waits until the entities of a bin are right. `device`: the first part of their unique ids. */
  async expectEntities(
    what: string,
    isRight: (entities: EntityList) => boolean,
    device = DEVICE,
  ): Promise<EntityList> {
    const ask = async () => new EntityList(await this.homeAssistant.entities(), device);
    return this.expect(what, ask, isRight, ({ states }) => states);
  }

  /** Waits until some entities have these states. */
  expectStates(what: string, wanted: Readonly<Record<string, string>>, device = DEVICE): Promise<EntityList> {
    const isWanted =
      (entities: EntityList) =>
      ([key, state]: [string, string]) =>
        entities.state(key) === state || Number(entities.state(key)) === Number(state);
    return this.expect(
      what,
      async () => new EntityList(await this.homeAssistant.entities(), device),
      (entities) => Object.entries(wanted).every(isWanted(entities)),
      (entities) =>
        Object.entries(wanted)
          .filter((one) => !isWanted(entities)(one))
          .map(([key, state]) => `${key} is ${entities.state(key)} instead of ${state}`),
    );
  }

  /** Waits until the attributes of an entity are right. */
  expectAttributes(
    what: string,
    key: string,
    isRight: (attributes: Readonly<Record<string, unknown>>) => boolean,
  ): Promise<Readonly<Record<string, unknown>>> {
    const ask = async () => new EntityList(await this.homeAssistant.entities(), DEVICE).attributes(key);
    return this.expect(what, ask, isRight);
  }

  /** Waits until Home Assistant has announced its last start, and the bins have answered. */
  async settle(): Promise<void> {
    await until('Home Assistant announces its start', () => this.witness.isHomeAssistantUp, BIRTH_MS);
    await wait(SETTLE_MS);
  }

  /** Waits until Home Assistant has nothing of a device: no entity, with a state or without, and no device. */
  async expectGone(what: string, device: string): Promise<void> {
    const ask = async () => {
      const [devices, entities] = await Promise.all([
        this.homeAssistant.devices(),
        this.homeAssistant.entities(),
      ]);
      return {
        devices: devices.filter(({ identifiers }) => identifiers.some(([, id]) => id === device)).length,
        entities: new EntityList(entities, device).keys,
      };
    };
    await this.expect(what, ask, ({ devices, entities }) => devices === 0 && entities.length === 0);
  }
}

/** Scenarios by name. */
export type Scenarios = Readonly<Record<string, Scenario>>;

/** Runs bins with Home Assistant. It adds what it sees to the findings. */
export type Scenario = (world: World) => Promise<void>;
