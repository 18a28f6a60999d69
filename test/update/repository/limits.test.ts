import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { unwrap } from '../../support/unwrap.js';
import { BUNDLE, bundlesOf, faultOf, makeUpdateClient } from '../../support/update/update-client.js';

// The attacker has keys of online roles, or only the web server. The bin has separate limits.

const HUGE = 300_000_000;

type Made = Awaited<ReturnType<typeof makeUpdateClient>>;

/** Returns a client that has refreshed once. */
const makeRefreshed = async (t: TestContext): Promise<Made> => {
  const made = await makeUpdateClient(t);
  unwrap(await made.client.refresh(made.signal));
  return made;
};

/** Sends blanks until the connection ends. Returns the number of bytes. */
const sendBlanks = (response: ServerResponse, onSent: (bytes: number) => void): void => {
  const block = Buffer.alloc(65_536, ' ');
  const send = () => {
    onSent(block.length);
    if (!response.destroyed) response.write(block, send);
  };
  send();
};

/** The owner replaces the online keys. The bin must work again, and must have kept nothing of the attack. */
const expectRecovery = async ({ repo, server, client, folder, signal }: Made): Promise<void> => {
  server.reset();
  repo.rotate('timestamp', 'snapshot');
  repo.publish();
  assert.deepEqual(bundlesOf(unwrap(await client.refresh(signal))), ['waste12@1.4.0']);
  const { metadata } = JSON.parse(readFileSync(join(folder, 'metadata/trusted.json'), 'utf8'));
  assert.deepEqual(Object.keys(metadata).sort(), ['rollouts', 'root', 'snapshot', 'targets', 'timestamp']);
};

for (const [stolen, role, maxBytes] of [
  ['timestamp', 'snapshot', 65_536],
  ['snapshot', 'targets', 5_000_000],
  ['snapshot', 'rollouts', 1_000_000],
] as const) {
  test(`reads at most ${maxBytes} bytes of ${role}, whatever length ${stolen} states`, async (t) => {
    const made = await makeRefreshed(t);
    const { repo, server, client, signal } = made;
    const { meta } = repo.signed[stolen] as unknown as { meta: Record<string, object> };
    meta[`${role}.json`] = { version: 9, length: HUGE };
    if (stolen === 'snapshot') repo.publishRole('snapshot');
    repo.publishRole('timestamp');
    let sent = 0;
    server.answer(`9.${role}.json`, (_request, response) =>
      sendBlanks(response, (bytes) => {
        sent += bytes;
      }),
    );
    const fault = faultOf(await client.refresh(signal));
    assert.equal(fault.code, 'update-metadata-invalid');
    assert.match(
      fault.message,
      new RegExp(`9\\.${role}\\.json: more than the ${maxBytes} bytes that are allowed`),
    );
    assert.ok(sent > 0 && sent < 2 ** 26);
    repo.signed.snapshot.version = 9;
    repo.signed.targets.version = 9;
    repo.signed.rollouts.version = 9;
    await expectRecovery(made);
  });
}

test('reads at most 49,152 bytes of a new root, which no key needs to sign', async (t) => {
  const { server, client, signal } = await makeRefreshed(t);
  server.answer('2.root.json', (_request, response) =>
    response.writeHead(200, { 'Content-Length': 49_153 }).end(Buffer.alloc(49_153, ' ')),
  );
  assert.match(faultOf(await client.refresh(signal)).message, /2\.root\.json: more than the 49152 bytes/);
});

for (const [name, delegations] of Object.entries({
  'a role': {
    keys: {},
    roles: [{ name: 'junk', keyids: ['a'], threshold: 1, terminating: false, paths: ['rollouts/*'] }],
  },
  'a role for other paths': {
    keys: {},
    roles: [{ name: 'junk', keyids: ['a'], threshold: 1, terminating: false, paths: ['other/*'] }],
  },
  'bins of hashes': {
    keys: {},
    succinct_roles: { keyids: ['a'], threshold: 1, bit_length: 1, name_prefix: 'junk' },
  },
})) {
  test(`refuses rollouts that delegate to ${name}, and asks for none of these roles`, async (t) => {
    const made = await makeRefreshed(t);
    const { repo, server, client, signal } = made;
    repo.signed.rollouts.delegations = delegations;
    repo.publish();
    const fault = faultOf(await client.refresh(signal));
    assert.equal(fault.code, 'update-metadata-invalid');
    assert.match(fault.message, /3\.rollouts\.json: this role must not delegate/);
    assert.ok(!server.requests.some((path) => path.includes('junk')));
    delete repo.signed.rollouts.delegations;
    await expectRecovery(made);
  });
}

test('loads no other role to which targets delegates', async (t) => {
  const { repo, server, client, signal } = await makeRefreshed(t);
  const [key] = repo.keys.rollouts;
  repo.delegated.push({
    name: 'other',
    keyids: [key?.id],
    threshold: 1,
    terminating: false,
    paths: ['rollouts/*'],
  });
  const { meta } = repo.signed.snapshot as unknown as { meta: Record<string, object> };
  meta['other.json'] = { version: 1 };
  repo.publish();
  const fault = faultOf(await client.refresh(signal));
  assert.equal(fault.code, 'update-metadata-invalid');
  assert.match(fault.message, /other\.json: a bin uses no such role/);
  assert.ok(!server.requests.some((path) => path.includes('other')));
});

test('accepts rollouts with an empty list of delegations', async (t) => {
  const { repo, client, signal } = await makeRefreshed(t);
  repo.signed.rollouts.delegations = { keys: {}, roles: [] };
  repo.publish();
  unwrap(await client.refresh(signal));
});

test('reads at most 1,000,000 bytes of targets of rollouts', async (t) => {
  const made = await makeUpdateClient(t);
  const { repo, server, client, signal } = made;
  const pad = 'x'.repeat(16_000);
  for (let index = 0; index < 70; index += 1) {
    repo.add(`bundle-${index}/1.0.0`, { 'labels.txt': BUNDLE['labels.txt'], 'manifest.json': '{}' });
    repo.halt(`bundle-${index}`, { halted: false, pad });
  }
  repo.publish();
  const fault = faultOf(await client.refresh(signal));
  assert.equal(fault.code, 'update-metadata-invalid');
  assert.match(fault.message, /rollouts: its files have more than 1000000 bytes/);
  assert.ok(server.requests.filter((path) => path.startsWith('targets/rollouts/')).length <= 63);
});
