import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { packageRoot } from '../../../device/kit/root.js';
import type { ConnectionErrorCode } from '../../../device/network/mqtt/connection-error.js';
import type { DeliveryFaultCode } from '../../../device/network/mqtt/mqtt.js';
import { BROKER_FAULTS } from '../../../device/status/faults/broker.js';
import type { FaultTexts } from '../../../device/status/faults/fault-text.js';
import { explainFault, FAULT_GROUPS, faultCodes } from '../../../device/status/faults/faults.js';
import { faultReference } from '../../../device/status/faults/reference.js';
import { UPDATE_FAULTS } from '../../../device/status/faults/update.js';
import type { RepositoryFault } from '../../../device/update/repository/repository.js';
import type { StoreFault } from '../../../device/update/store/store.js';

const troubleshooting = readFileSync(join(packageRoot(), 'docs/troubleshooting.md'), 'utf8');

// The modules above status/ have codes that its tables cannot name by type. The compiler checks here that none is missing.
const complete: [
  FaultTexts<ConnectionErrorCode | DeliveryFaultCode | 'broker-listen-failed'>,
  FaultTexts<RepositoryFault | StoreFault>,
] = [BROKER_FAULTS, UPDATE_FAULTS];

describe('the table of faults', () => {
  it('has each code in one group only', () => {
    const codes = FAULT_GROUPS.flatMap(({ faults }) => Object.keys(faults));
    assert.deepEqual(codes, [...new Set(codes)]);
    assert.deepEqual(faultCodes(), codes);
  });

  it('explains the faults of the modules above it', () => {
    for (const faults of complete)
      for (const [code, text] of Object.entries(faults)) assert.equal(explainFault(code), text);
    assert.equal(explainFault('no-such-code'), null);
  });

  it('is in docs/troubleshooting.md', () => {
    const update = 'update the tables: npx sortbin explain --reference';
    assert.ok(troubleshooting.includes(`\n${faultReference()}\n## Exit codes`), update);
  });
});
