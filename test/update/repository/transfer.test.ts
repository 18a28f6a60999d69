import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { TargetFile } from '../../../device/update/repository/repository.js';
import { mountSmallDisk, noSmallDisk } from '../../support/small-disk.js';
import { until } from '../../support/until.js';
import { unwrap } from '../../support/unwrap.js';
import { sendFile } from '../../support/update/repository-server.js';
import {
  advanceUntilSettled,
  BUNDLE,
  bundlesOf,
  faultOf,
  makeUpdateClient,
  modelOf,
} from '../../support/update/update-client.js';

const MODEL = BUNDLE['model.tflite'];

/** A client that knows the catalogue, and the model as target. */
const makeDownload = async (t: Parameters<typeof makeUpdateClient>[0], options = {}) => {
  const made = await makeUpdateClient(t, options);
  const target = modelOf(unwrap(await made.client.refresh(made.signal)));
  made.server.requests.length = 0;
  return { ...made, target, into: join(made.folder, 'model.part') };
};

/** The path of a target on the server. */
const pathOf = ({ sha256 }: TargetFile): string => `targets/waste12/1.4.0/${sha256}.model.tflite`;

test('downloads a file from a path with its hash, and reports the progress', async (t) => {
  const { client, target, into, signal, server } = await makeDownload(t);
  const progress: number[] = [];
  unwrap(await client.download(target, into, signal, (bytes) => progress.push(bytes)));
  assert.ok(readFileSync(into).equals(MODEL));
  assert.equal(progress.at(-1), MODEL.length);
  assert.deepEqual(server.requests, [pathOf(target)]);
});

test('sends no request for a file that is complete', async (t) => {
  const { client, target, into, signal, server } = await makeDownload(t);
  writeFileSync(into, MODEL);
  unwrap(await client.download(target, into, signal));
  assert.deepEqual(server.requests, []);
});

test('continues a part file of an interrupted transfer', async (t) => {
  const { client, target, into, signal, server } = await makeDownload(t);
  server.answer('model.tflite', (_request, response) => {
    response.writeHead(200, { 'Content-Length': MODEL.length });
    response.write(MODEL.subarray(0, 40_000), () => response.destroy());
  });
  const fault = faultOf(await client.download(target, into, signal));
  assert.equal(fault.code, 'update-unreachable');
  assert.match(fault.message, /the connection was lost/);
  const { length } = readFileSync(into);
  assert.ok(length > 0 && length <= 40_000);

  server.reset();
  const progress: number[] = [];
  unwrap(await client.download(target, into, signal, (bytes) => progress.push(bytes)));
  assert.ok(readFileSync(into).equals(MODEL));
  assert.equal(server.requests.at(-1), `${pathOf(target)} from ${length}`);
  assert.equal(progress[0], length);
});

test('continues after a transfer that ended early without an error', async (t) => {
  const { client, target, into, signal, server } = await makeDownload(t);
  server.answer('model.tflite', (_request, response) => {
    response.write(MODEL.subarray(0, 100), () => response.end());
  });
  const fault = faultOf(await client.download(target, into, signal));
  assert.equal(fault.code, 'update-unreachable');
  assert.match(
    fault.message,
    /ended after 100 of 100000 bytes\. The transfer continues at the next attempt\./,
  );
  server.reset();
  unwrap(await client.download(target, into, signal));
  assert.equal(server.requests.at(-1), `${pathOf(target)} from 100`);
});

const ODD_ANSWERS: Readonly<Record<string, (response: ServerResponse) => void>> = {
  'ignores the range': (response) => response.end(MODEL),
  'sends another range': (response) =>
    response.writeHead(206, { 'Content-Range': 'bytes 10-99999/100000' }).end(MODEL.subarray(10)),
  'sends less than the range': (response) =>
    response.writeHead(206, { 'Content-Range': 'bytes 500-600/100000' }).end(MODEL.subarray(500, 601)),
  'sends no range': (response) => response.writeHead(206).end(MODEL.subarray(500)),
  'refuses the range': (response) => response.writeHead(416).end(),
};
for (const [behaviour, odd] of Object.entries(ODD_ANSWERS)) {
  test(`downloads the whole file from a server that ${behaviour}`, async (t) => {
    const { client, target, into, signal, server, repo } = await makeDownload(t);
    writeFileSync(into, MODEL.subarray(0, 500));
    server.answer('model.tflite', (request, response) => {
      if (request.headers.range) odd(response);
      else sendFile(request, response, repo.read(pathOf(target)));
    });
    unwrap(await client.download(target, into, signal));
    assert.ok(readFileSync(into).equals(MODEL));
    assert.ok(server.requests.length <= 2);
  });
}

for (const [name, part] of Object.entries({
  'a part file with other bytes': Buffer.alloc(500, 'x'),
  'a part file that is too long': Buffer.alloc(MODEL.length + 1, 'x'),
  'a complete file with other bytes': Buffer.alloc(MODEL.length, 'x'),
})) {
  test(`replaces ${name}`, async (t) => {
    const { client, target, into, signal } = await makeDownload(t);
    writeFileSync(into, part);
    unwrap(await client.download(target, into, signal));
    assert.ok(readFileSync(into).equals(MODEL));
  });
}

test('refuses a file that changed on the server, after one attempt for the whole file', async (t) => {
  const { client, target, into, signal, server, repo } = await makeDownload(t);
  repo.files.set(pathOf(target), Buffer.alloc(MODEL.length, 'other'));
  writeFileSync(into, MODEL.subarray(0, 500));
  const fault = faultOf(await client.download(target, into, signal));
  assert.equal(fault.code, 'update-file-invalid');
  assert.match(fault.message, /differs from the signed metadata \(sha256\)/);
  assert.equal(server.requests.length, 2);
  assert.equal(readFileSync(into).length, 0);
});

for (const length of [MODEL.length - 1, MODEL.length + 1]) {
  test(`refuses a file for which the server states ${length} bytes`, async (t) => {
    const { client, target, into, signal, server } = await makeDownload(t);
    server.answer('model.tflite', (_request, response) => response.end(Buffer.alloc(length)));
    const fault = faultOf(await client.download(target, into, signal));
    assert.equal(fault.code, 'update-file-invalid');
    assert.match(fault.message, new RegExp(`sends ${length} bytes, the signed metadata states 100000`));
  });
}

const STATUSES = [
  [403, 'update-not-found', /HTTP 403\. Check `update\.url`\./],
  [404, 'update-not-found', /HTTP 404\. Check `update\.url`\./],
  [410, 'update-not-found', /HTTP 410/],
  [401, 'update-unreachable', /HTTP 401\. Check user and password in `update\.url`\./],
  [429, 'update-unreachable', /HTTP 429\.$/],
  [503, 'update-unreachable', /HTTP 503\.$/],
  [204, 'update-unreachable', /HTTP 204\.$/],
  [206, 'update-unreachable', /HTTP 206\.$/],
] as const;
for (const [status, code, message] of STATUSES) {
  test(`answers HTTP ${status} with ${code}, after one attempt`, async (t) => {
    const { client, signal, server } = await makeUpdateClient(t);
    server.answer('timestamp.json', (_request, response) => response.writeHead(status).end());
    const fault = faultOf(await client.refresh(signal));
    assert.equal(fault.code, code);
    assert.match(fault.message, message);
    assert.ok(fault.message.startsWith(`${server.url}metadata/timestamp.json: `), fault.message);
    assert.deepEqual(server.requests, ['metadata/2.root.json', 'metadata/timestamp.json']);
  });
}

test('does not follow a redirect', async (t) => {
  const { client, signal, server } = await makeUpdateClient(t);
  server.answer('timestamp.json', (_request, response) =>
    response.writeHead(302, { Location: 'http://user:secret@portal.example/login?token=secret' }).end(),
  );
  const fault = faultOf(await client.refresh(signal));
  assert.equal(fault.code, 'update-unreachable');
  assert.match(
    fault.message,
    /redirect to http:\/\/portal\.example\/login\. Redirects are not followed\. Set `update\.url` to the final address\.$/,
  );
});

test('recognises the login page of a network', async (t) => {
  const { client, signal, server, target, into } = await makeDownload(t);
  server.answer('', (_request, response) =>
    response
      .writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' })
      .end('\n<!DOCTYPE html><title>Log in</title>'),
  );
  for (const answer of [
    await client.refresh(signal),
    await client.download({ ...target, bytes: 37 }, into, signal),
  ]) {
    const fault = faultOf(answer);
    assert.equal(fault.code, 'update-not-found', fault.message);
    assert.match(
      fault.message,
      /(timestamp\.json|model\.tflite): the server sent an HTML page instead of the file/,
    );
  }
});

test('reports metadata that is not JSON', async (t) => {
  const { client, signal, server } = await makeUpdateClient(t);
  server.answer('timestamp.json', (_request, response) => response.end('<html>'));
  const fault = faultOf(await client.refresh(signal));
  assert.equal(fault.code, 'update-metadata-invalid');
  assert.match(fault.message, /metadata\/timestamp\.json: not JSON\. Check `update\.url`\./);
});

for (const [name, text] of Object.entries({
  'too many entries': JSON.stringify({
    signed: Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [i, 1])),
  }),
  'too many levels': `${'['.repeat(1000)}${']'.repeat(1000)}`,
})) {
  test(`refuses metadata with ${name} before tuf-js parses it`, async (t) => {
    const { client, signal, server } = await makeUpdateClient(t);
    server.answer('2.root.json', (_request, response) => response.end(text));
    const fault = faultOf(await client.refresh(signal));
    assert.equal(fault.code, 'update-metadata-invalid');
    assert.match(fault.message, /2\.root\.json: more than (2048 entries|32 levels)/);
  });
}

test('never shows user and password of the address', async (t) => {
  const { server, restart, signal } = await makeUpdateClient(t);
  const authorizations: unknown[] = [];
  server.answer('', (request, response) => {
    authorizations.push(request.headers.authorization);
    response.writeHead(500).end();
  });
  const url = new URL(server.url);
  url.username = 'bin';
  url.password = 's:cret';
  const refused = faultOf(await restart({ url }).refresh(signal));
  assert.deepEqual(authorizations, [`Basic ${Buffer.from('bin:s:cret').toString('base64')}`]);
  url.port = '1';
  const closed = faultOf(await restart({ url }).refresh(signal));
  assert.match(closed.message, /ECONNREFUSED/);
  for (const { code, message } of [refused, closed]) {
    assert.equal(code, 'update-unreachable');
    assert.ok(!/cret|bin:/.test(message), message);
  }
});

for (const [name, make] of Object.entries({
  'a folder': (into: string) => mkdirSync(join(into, 'folder'), { recursive: true }),
  'a link': (into: string) => symlinkSync('other', into),
})) {
  test(`replaces ${name} that has the name of the part file`, async (t) => {
    const { client, target, into, signal } = await makeDownload(t);
    const other = join(dirname(into), 'other');
    writeFileSync(other, 'other');
    make(into);
    unwrap(await client.download(target, into, signal));
    assert.ok(readFileSync(into).equals(MODEL));
    assert.equal(readFileSync(other, 'utf8'), 'other');
  });
}

test('ends a transfer that stalls, and keeps what arrived', async (t) => {
  const { client, clock, target, into, signal, server } = await makeDownload(t);
  server.answer('model.tflite', (_request, response) => {
    response.writeHead(200, { 'Content-Length': MODEL.length }).write(MODEL.subarray(0, 1000));
  });
  let progress = 0;
  const answer = client.download(target, into, signal, (bytes) => {
    progress = bytes;
  });
  await until('1000 bytes arrived', () => progress === 1000);
  const fault = faultOf(await advanceUntilSettled(clock, answer));
  assert.equal(fault.code, 'update-too-slow');
  assert.match(fault.message, /model\.tflite: only 1000 bytes in \d+ s\. Check the network\./);
  assert.equal(readFileSync(into).length, 1000);
});

test('ends a transfer at its longest time', async (t) => {
  const limits = { stallMs: 1e9, downloadMs: 60_000 };
  const { client, clock, target, into, signal, server } = await makeDownload(t, { limits });
  server.answer('model.tflite', () => {});
  const answer = client.download(target, into, signal);
  await until('the server got the request', () => server.requests.length === 1);
  const fault = faultOf(await advanceUntilSettled(clock, answer));
  assert.equal(fault.code, 'update-too-slow');
  assert.match(fault.message, /not finished within 60 s/);
});

test('limits the rate, and does not count its pauses as slowness of the server', async (t) => {
  const limits = { maxBytesPerSecond: 1000, minBytesPerSecond: 900 };
  const { restart, clock, target, into, signal } = await makeDownload(t);
  const fromMs = clock.monotonicMs();
  const client = restart({ limits });
  unwrap(await advanceUntilSettled(clock, client.download(target, into, signal), 10));
  const elapsedMs = clock.monotonicMs() - fromMs;
  assert.ok(elapsedMs >= 100_000, `${elapsedMs} ms`);
});

test('ends at once with the reason of its signal', async (t) => {
  const { client, target, into, server } = await makeDownload(t);
  server.answer('', () => {});
  for (const start of [
    (signal: AbortSignal) => client.refresh(signal),
    (signal: AbortSignal) => client.download(target, into, signal),
  ]) {
    const stop = new AbortController();
    const count = server.requests.length;
    const answer = start(stop.signal);
    await until('the server got the request', () => server.requests.length > count);
    stop.abort(new Error('stopped'));
    await assert.rejects(answer, /^Error: stopped$/);
    await assert.rejects(start(stop.signal), /^Error: stopped$/);
  }
});

test('opens a new connection if the server closed the idle one', async (t) => {
  const { client, signal, server, repo } = await makeUpdateClient(t);
  const used = new WeakSet<object>();
  server.answer('', (request, response) => {
    if (used.has(request.socket)) return request.socket.destroy();
    used.add(request.socket);
    sendFile(request, response, repo.files.get((request.url ?? '').slice(1)));
  });
  unwrap(await client.refresh(signal));
});

for (const [what, page] of Object.entries({
  'an empty answer': '',
  'a short page': '<html>not found</html>',
})) {
  test(`polls over one connection, although the server sends ${what} for the next root`, async (t) => {
    const { client, signal, server } = await makeUpdateClient(t);
    const sockets = new Set<object>();
    server.watch(({ socket }) => sockets.add(socket));
    server.answer('2.root.json', (_, response) => response.writeHead(404).end(page));
    unwrap(await client.refresh(signal));
    assert.ok(server.requests.length > 2);
    assert.equal(sockets.size, 1);
  });
}

test('does not wait for the end of a long page that is not the file', async (t) => {
  const { client, signal, server } = await makeUpdateClient(t);
  server.answer('2.root.json', (_, response) => {
    response.writeHead(404).write('x'.repeat(100_000));
  });
  unwrap(await client.refresh(signal));
});

test('runs one refresh at a time', async (t) => {
  const { client, signal, server } = await makeUpdateClient(t);
  const answers = await Promise.all([client.refresh(signal), client.refresh(signal)]);
  assert.deepEqual(
    answers.map((answer) => unwrap(answer).targetsVersion),
    [2, 2],
  );
  assert.equal(server.requests.filter((path) => path.endsWith('timestamp.json')).length, 2);
  assert.equal(server.requests.filter((path) => path.endsWith('targets.json')).length, 1);
});

test('reads a repository of a folder with the same checks', async (t) => {
  const { repo, folder, restart, signal } = await makeUpdateClient(t);
  const stick = join(folder, 'usb stick');
  repo.writeTo(stick);
  const client = restart({ url: pathToFileURL(stick) });
  const catalogue = unwrap(await client.refresh(signal));
  assert.deepEqual(bundlesOf(catalogue), ['waste12@1.4.0']);
  const target = modelOf(catalogue);
  const into = join(folder, 'model');
  writeFileSync(into, MODEL.subarray(0, 500));
  unwrap(await client.download(target, into, signal));
  assert.ok(readFileSync(into).equals(MODEL));

  const path = join(stick, pathOf(target));
  writeFileSync(path, Buffer.alloc(MODEL.length));
  writeFileSync(into, '');
  assert.equal(faultOf(await client.download(target, into, signal)).code, 'update-file-invalid');
  rmSync(path);
  assert.equal(faultOf(await client.download(target, into, signal)).code, 'update-not-found');
  mkdirSync(path);
  assert.match(faultOf(await client.download(target, into, signal)).message, /no regular file/);
  rmSync(path, { recursive: true });
  execFileSync('mkfifo', [path]);
  assert.match(faultOf(await client.download(target, into, signal)).message, /no regular file/);
});

test('refuses an address of another protocol', async (t) => {
  const { restart, signal } = await makeUpdateClient(t);
  const fault = faultOf(await restart({ url: new URL('ftp://example.org/models') }).refresh(signal));
  assert.match(
    fault.message,
    /^ftp:\/\/example\.org\/models\/metadata\/2\.root\.json: use http, https or file\.$/,
  );
});

test('reports a full disk', { skip: noSmallDisk() }, async (t) => {
  const { client, target, signal } = await makeDownload(t);
  const folder = mkdtempSync(join(tmpdir(), 'sortbin-small-'));
  const disk = await mountSmallDisk(folder, '64k');
  t.after(async () => {
    await disk.close();
    rmSync(folder, { recursive: true });
  });
  const fault = faultOf(await client.download(target, disk.file('model'), signal));
  assert.equal(fault.code, 'update-no-space');
  assert.match(fault.message, /model: no space left\. Free some space\./);
});

test('reports a local folder that is missing', async (t) => {
  const { client, target, folder, signal } = await makeDownload(t);
  const fault = faultOf(await client.download(target, join(folder, 'missing', 'model'), signal));
  assert.equal(fault.code, 'update-failed');
});
