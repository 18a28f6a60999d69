import { WebSocket } from 'ws';

const ANSWER_MS = 30_000;

export interface EntityState {
  readonly entity_id: string;
  readonly state: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface RegisteredEntity {
  readonly entity_id: string;
  readonly unique_id: string;
  readonly device_id: string | null;
  readonly platform: string;
  readonly original_name: string | null;
  readonly entity_category: string | null;
}

export interface Device {
  readonly id: string;
  readonly name: string;
  readonly identifiers: readonly (readonly [domain: string, id: string])[];
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly sw_version: string | null;
}

/** An entity of MQTT, as the registries and the states know it. */
export interface Entity {
  readonly id: string;
  readonly uniqueId: string;
  /** Name of its device. */
  readonly device: string;
  /** Name without that of the device. Null: the device's own entity. */
  readonly name: string | null;
  /** Undefined: Home Assistant has an entry in its registry, and no state. */
  readonly state: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** The REST and WebSocket API of Home Assistant. */
export class HomeAssistantApi {
  token = '';

  constructor(readonly url: string) {}

  async request<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
    const answer = await fetch(`${this.url}/api/${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      body: body ? JSON.stringify(body) : null,
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  /** Returns a file. It is empty if there is none yet. */
  async download(path: string): Promise<Buffer> {
    const headers = { authorization: `Bearer ${this.token}` };
    const answer = await fetch(`${this.url}/api/${path}`, {
      headers,
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return answer.ok ? Buffer.from(await answer.arrayBuffer()) : Buffer.alloc(0);
  }

  /** Calls an action, for example `button.press`. */
  async act(action: string, entityId: string, data: object = {}): Promise<void> {
    await this.request('POST', `services/${action.replace('.', '/')}`, { entity_id: entityId, ...data });
  }

  /** Sends a command of the WebSocket API over a new connection. */
  async ask<T>(type: string, keys: object = {}): Promise<T> {
    const socket = new WebSocket(`${this.url.replace('http', 'ws')}/api/websocket`);
    const timer = setTimeout(() => socket.terminate(), ANSWER_MS);
    try {
      return await new Promise<T>((resolve, reject) => {
        socket.on('error', reject);
        socket.on('close', () => reject(new Error(`${type}: the connection was closed`)));
        socket.on('message', (text) => {
          const message = JSON.parse(String(text));
          if (message.type === 'auth_required')
            socket.send(JSON.stringify({ type: 'auth', access_token: this.token }));
          if (message.type === 'auth_ok') socket.send(JSON.stringify({ id: 1, type, ...keys }));
          if (message.type !== 'result') return;
          if (message.success) resolve(message.result as T);
          else reject(new Error(`${type}: ${JSON.stringify(message.error)}`));
        });
      });
    } finally {
      clearTimeout(timer);
      socket.terminate();
    }
  }

  states(): Promise<EntityState[]> {
    return this.request('GET', 'states');
  }

  /** The devices of MQTT. */
  async devices(): Promise<Device[]> {
    const devices = await this.ask<Device[]>('config/device_registry/list');
    return devices.filter(({ identifiers }) => identifiers.some(([domain]) => domain === 'mqtt'));
  }

  /** Deletes a device, as a person does on its page. */
  async deleteDevice(id: string): Promise<void> {
    await this.ask('config/device_registry/remove', { device_id: id });
  }

  /** The entities of MQTT, with a state or without. */
  async entities(): Promise<Entity[]> {
    const [devices, registered, states] = await Promise.all([
      this.devices(),
      this.ask<RegisteredEntity[]>('config/entity_registry/list'),
      this.states(),
    ]);
    return registered
      .filter(({ platform }) => platform === 'mqtt')
      .map(({ entity_id, unique_id, device_id, original_name }) => {
        const state = states.find((one) => one.entity_id === entity_id);
        return {
          id: entity_id,
          uniqueId: unique_id,
          device: devices.find(({ id }) => id === device_id)?.name ?? '',
          name: original_name,
          state: state?.state,
          attributes: state?.attributes ?? {},
        };
      });
  }
}
