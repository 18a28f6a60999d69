import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync, type MqttClient } from 'mqtt';
import { PYTHON, programOf } from './home-assistant.js';

/** What discovery publishes, as far as the proofs read it. */
export interface Payload {
  readonly device: { readonly name: string };
  readonly components: Readonly<Record<string, { readonly unique_id: string; readonly name: string }>>;
}

/** A subscriber that remembers what bins publish. */
export class Witness {
  readonly #last = new Map<string, string>();
  readonly #discovery = new Set<string>();
  readonly #events: { readonly bin: string; readonly outcome: string }[] = [];

  /** The newest picture. */
  image: Buffer = Buffer.alloc(0);

  private constructor(readonly client: MqttClient) {
    client.on('message', (topic, message) => {
      if (topic.endsWith('/image')) {
        this.image = message;
        return;
      }
      const text = message.toString();
      this.#last.set(topic, text);
      if (topic.endsWith('/config') && text !== '') this.#discovery.add(text);
      if (topic.endsWith('/event')) this.#events.push(JSON.parse(text));
    });
  }

  static async connect(url: string): Promise<Witness> {
    const client = await connectAsync(url, { protocolVersion: 5 });
    const witness = new Witness(client);
    await client.subscribeAsync('#', { qos: 1 });
    return witness;
  }

  /** Whether Home Assistant has announced its last start. */
  get isHomeAssistantUp(): boolean {
    return this.#last.get('homeassistant/status') === 'online';
  }

  /** The newest message on a topic of discovery. Undefined: none, or an empty one. */
  discovery(device: string): Payload | undefined {
    const text = this.#last.get(`homeassistant/device/${device}/config`);
    return text ? JSON.parse(text) : undefined;
  }

  /** The outcomes of the events of a bin. */
  outcomes(bin: string): string[] {
    return this.#events.filter((event) => event.bin === bin).map(({ outcome }) => outcome);
  }

  /** Checks each payload of discovery so far with the schemas of Home Assistant that refuse unknown keys. */
  checkPayloads(folder: string): { readonly count: number; readonly problems: string } {
    const files = [...this.#discovery].map((text, index) => {
      const file = join(folder, `discovery-${index}.json`);
      writeFileSync(file, text);
      return file;
    });
    const { status, stdout, stderr } = spawnSync(PYTHON, [programOf('check_discovery.py'), ...files], {
      encoding: 'utf8',
    });
    return { count: files.length, problems: status === 0 ? '' : `${stdout}${stderr}` };
  }

  close(): Promise<void> {
    return this.client.endAsync(true);
  }
}
