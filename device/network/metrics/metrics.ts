import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { BinEvent } from '../../cycle/event.js';
import type { Observer, ServedModel } from '../../cycle/observer.js';
import type { HttpRoute } from '../http/http.js';
import { type BinReadings, METRICS, type Metric } from './definitions.js';

/** What the bin reports now. The daemon reads it where `sortbin status` does. */
export type ReadBin = () => Promise<Omit<BinReadings, 'served' | 'process'>>;

/** From a fast step on a PC to a slow gate. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The metrics of a bin in the text format of Prometheus. Values that change are read when somebody asks for them. */
export class Metrics implements Observer {
  readonly #registry = new Registry();
  readonly #metrics: readonly [Metric, Gauge | Counter][];
  readonly #durations: Histogram;
  #served: ServedModel | null = null;
  #collecting: Promise<string> | null = null;

  constructor(
    private readonly read: ReadBin,
    private readonly bin: { readonly id: string; readonly name: string },
  ) {
    const registers = [this.#registry];
    this.#metrics = METRICS.map((metric) => {
      const { name, help, labels } = metric;
      const options = { name, help, labelNames: [...labels], registers };
      return [metric, metric.type === 'counter' ? new Counter(options) : new Gauge(options)];
    });
    this.#durations = new Histogram({
      name: 'sortbin_step_duration_seconds',
      help: 'Duration of each step of an item, since the start of the program.',
      labelNames: ['step'],
      buckets: BUCKETS,
      registers,
    });
  }

  event({ timingsMs }: Pick<BinEvent, 'timingsMs'>): void {
    for (const [step, ms] of Object.entries(timingsMs)) this.#durations.observe({ step }, ms / 1_000);
  }

  served(model: ServedModel): void {
    this.#served = model;
  }

  get route(): HttpRoute {
    return {
      method: 'GET',
      path: '/metrics',
      answer: async () => {
        // Requests that come meanwhile get the same text.
        this.#collecting ??= this.#text().finally(() => {
          this.#collecting = null;
        });
        return { status: 200, type: this.#registry.contentType, body: await this.#collecting };
      },
    };
  }

  async #text(): Promise<string> {
    const readings: BinReadings = {
      ...(await this.read()),
      served: this.#served,
      process: { bin: this.bin, uptimeS: process.uptime(), memory: process.memoryUsage() },
    };
    for (const [{ samples, labels }, metric] of this.#metrics) {
      metric.reset();
      // A metric without labels is 0 after a reset. It has no sample instead if there is no value.
      if (labels.length === 0) metric.remove();
      for (const [value, ofLabels = {}] of samples(readings)) metric.inc(ofLabels, value);
    }
    return this.#registry.metrics();
  }
}
