import type { Logger } from 'pino';
import type { Config } from '../config/schema.js';
import type { Clock } from '../kit/clock.js';
import type { HealthParts } from '../network/http/health-route.js';
import type { HttpServer } from '../network/http/http-server.js';
import type { Metrics, ReadBin } from '../network/metrics/metrics.js';

export interface WiredHttp {
  /** Not started yet. */
  readonly server: HttpServer;
  readonly metrics: Metrics;
}

export interface HttpParts extends HealthParts {
  readonly read: ReadBin;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Returns the HTTP server with its routes, or null. A bin without it does not load its code. */
export const wireHttp = async (
  { http: { host, port, names }, bin }: Pick<Config, 'http' | 'bin'>,
  { read, clock, log, ...health }: HttpParts,
): Promise<WiredHttp | null> => {
  if (port === null) return null;
  const [{ HttpServer }, { RouteTable }, { healthRoute }, { Metrics }] = await Promise.all([
    import('../network/http/http-server.js'),
    import('../network/http/route-table.js'),
    import('../network/http/health-route.js'),
    import('../network/metrics/metrics.js'),
  ]);
  const routes = new RouteTable();
  const metrics = new Metrics(read, bin);
  routes.add(healthRoute(health));
  routes.add(metrics.route);
  return { server: new HttpServer({ host, port, names, routes, clock, log }), metrics };
};
