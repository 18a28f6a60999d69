import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';

/** The first arrivals of the events of an epoch, and how often events arrived again. */
export class DeliveryRecord {
  /** Sequence numbers in the order of their first arrival. */
  readonly seqs: number[] = [];
  /** Repetitions with the DUP flag. The broker has sent them again to the consumer. */
  repeatedByBroker = 0;
  /** Other repetitions. The bin has sent them again. */
  repeatedByBin = 0;
  /** Events that arrived for the first time after an event with a higher number. */
  inversions = 0;
  readonly #seen = new Set<number>();
  #highest = 0;

  add(seq: number, isDup: boolean): void {
    if (this.#seen.has(seq)) {
      if (isDup) this.repeatedByBroker += 1;
      else this.repeatedByBin += 1;
      return;
    }
    this.#seen.add(seq);
    this.seqs.push(seq);
    if (seq < this.#highest) this.inversions += 1;
    this.#highest = Math.max(this.#highest, seq);
  }

  has(seq: number): boolean {
    return this.#seen.has(seq);
  }
}

/** A subscriber with a session that the broker keeps. It connects again until it is closed, and remembers all events. */
export class Consumer {
  readonly record = new DeliveryRecord();
  readonly topics = new Map<string, string[]>();
  firstMs = Number.NaN;
  lastMs = Number.NaN;
  /** Called with the number of each event. */
  onEvent: (seq: number) => void = () => {};

  private constructor(private readonly client: MqttClient) {
    client.on('message', (topic, payload, { dup }) => {
      if (!topic.endsWith('/event')) {
        this.topics.set(topic, [...(this.topics.get(topic) ?? []), payload.toString()]);
        return;
      }
      this.lastMs = performance.now();
      if (Number.isNaN(this.firstMs)) this.firstMs = this.lastMs;
      const { seq } = JSON.parse(payload.toString()) as { seq: number };
      this.record.add(seq, dup);
      this.onEvent(seq);
    });
    // A broker that restarts resets the connection. The client connects again.
    client.on('error', () => {});
  }

  /** Connects and subscribes to all topics of the bin. */
  static async connect(url: string, options: IClientOptions = {}): Promise<Consumer> {
    const client = await connectAsync(url, {
      clientId: 'consumer',
      clean: false,
      reconnectPeriod: 20,
      protocolVersion: 5,
      // mqtt.js does not resend a subscription that the session contains.
      ...((options.protocolVersion ?? 5) === 5
        ? { properties: { sessionExpiryInterval: 3_600, receiveMaximum: 65_535 } }
        : {}),
      ...options,
    });
    const consumer = new Consumer(client);
    await client.subscribeAsync('sortbin/#', { qos: 1 });
    return consumer;
  }

  get isConnected(): boolean {
    return this.client.connected;
  }

  /** Disconnects. The broker keeps the session, and the messages for it. */
  async leave(): Promise<void> {
    await this.client.endAsync();
  }

  async comeBack(): Promise<void> {
    const connected = new Promise<void>((resolve) => {
      this.client.once('connect', () => resolve());
    });
    this.client.reconnect();
    await connected;
  }

  async close(): Promise<void> {
    await this.client.endAsync(true);
  }
}
