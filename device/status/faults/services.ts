import type { FaultTexts } from './fault-text.js';

/** Faults of services that the bin does not need. It sorts meanwhile. */
export const SERVICE_FAULTS = {
  'http-not-started': {
    meaning: 'The HTTP server does not run, because its address cannot be used.',
    cure: 'Stop the program that uses the port, or correct `http.port` and `http.host`. Then restart the bin.',
    page: 'dashboards.md#common-errors',
  },
  'control-socket-not-opened': {
    meaning: 'The control socket could not be opened, so `sortbin status` and others do not reach the bin.',
    cure: 'Check the permissions of `dataDir`, and use a short path for it. Then restart the bin.',
    page: 'formats.md#control-socket',
  },
} as const satisfies FaultTexts;
