import type { Liveness } from '../../status/liveness.js';
import type { Status } from '../../status/status.js';
import { type HttpRoute, JSON_TYPE } from './http.js';

export interface HealthParts {
  readonly status: Pick<Status, 'snapshot'>;
  readonly liveness: Pick<Liveness, 'healthy'>;
}

/**
 * Answers with status 200 if the bin has started and all its parts make progress, else with 503. A fault or a hold does not
 * change the status: a restart would not cure it.
 */
export const healthRoute = ({ status, liveness }: HealthParts): HttpRoute => ({
  method: 'GET',
  path: '/healthz',
  answer: () => {
    const { cycle, faults } = status.snapshot();
    const state = liveness.healthy();
    const stalled = state.ok ? [] : state.stalled.map(({ part, reason }) => ({ part, reason }));
    const isSorting = cycle !== 'new' && cycle !== 'stopped';
    const body = {
      schema: 1,
      status: !state.ok ? 'stalled' : isSorting ? 'ok' : cycle === 'new' ? 'starting' : 'stopped',
      cycle,
      stalled,
      faults: faults.map(({ part, code, since }) => ({ part, code, since })),
    };
    return { status: body.status === 'ok' ? 200 : 503, type: JSON_TYPE, body: `${JSON.stringify(body)}\n` };
  },
});
