import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { planAdd } from '../../../device/tools/release/add.js';
import { serveRepository } from '../../../device/tools/release/serve.js';
import { planTimestamp } from '../../../device/tools/release/sign.js';
import { verifyRepository } from '../../../device/tools/release/verify.js';
import { writeFakeBundle } from '../../support/fake-bundle.js';
import { applied, DAY_MS, Repository } from './support.js';

/** Returns a repository with a bundle, and the path of one of its files. */
const makeRepository = async (t: TestContext, nowMs?: number) => {
  const repository = await Repository.make(t, nowMs);
  const bundle = writeFakeBundle(join(repository.base, 'bundle'));
  await applied(planAdd(repository.state, bundle, repository.signing()));
  const target = repository.state.targets.signed.targets['fake/1.0.0/labels.txt'];
  const path = `targets/fake/1.0.0/${target?.hashes.sha256}.labels.txt`;
  return { repository, path, file: join(repository.folder, path) };
};

const serve = async (t: TestContext, repository: Repository): Promise<string> => {
  const server = await serveRepository(repository.folder, '127.0.0.1', 0);
  t.after(() => server.close());
  return server.url;
};

describe('the verification of a repository', () => {
  it('reports version and expiry of each role, over HTTP and from a folder', async (t) => {
    const { repository } = await makeRepository(t);
    const { root, nowMs } = repository;
    const now = Math.floor(nowMs / 1000);
    const url = await serve(t, repository);
    const found = await verifyRepository({ source: `${url}/`, root, nowMs });
    assert.deepEqual(
      found.roles.map(({ role, version, daysLeft, isExpiring }) => [role, version, daysLeft, isExpiring]),
      [
        ['root', 1, 364, false],
        ['targets', now, 364, false],
        ['snapshot', now, 29, false],
        ['timestamp', now, 6, false],
        ['rollouts', 1, 29, false],
      ],
    );
    assert.equal(found.files, 6);
    assert.deepEqual(await repository.verify(), found);
  });

  it('warns before an expiry, by default at a quarter of the lifetime', async (t) => {
    const { repository } = await makeRepository(t, Date.now() - 5.5 * DAY_MS);
    const expiring = async (warnDays?: number) => {
      const { roles } = await verifyRepository({
        source: repository.folder,
        ...{ root: repository.root, nowMs: Date.now(), warnDays },
      });
      return roles.filter(({ isExpiring }) => isExpiring).map(({ role }) => role);
    };
    assert.deepEqual(await expiring(), ['timestamp']);
    assert.deepEqual(await expiring(1), []);
    assert.deepEqual(await expiring(60), ['snapshot', 'timestamp', 'rollouts']);
  });

  it('fails with the expired role and the fix', async (t) => {
    const { repository } = await makeRepository(t, Date.now() - 8 * DAY_MS);
    await assert.rejects(repository.verify(), {
      code: 'release-expired',
      message: /: timestamp has expired\. Sign it again with "sortbin release timestamp"\./,
    });
    repository.nowMs = Date.now() - 31 * DAY_MS;
    const other = await Repository.make(t, repository.nowMs);
    other.moveKeys(join(other.base, 'others'), /^(snapshot|rollouts)-/);
    other.nowMs = Date.now();
    await applied(planTimestamp(other.state, other.signing()));
    await assert.rejects(other.verify(), {
      code: 'release-expired',
      message: /: snapshot has expired\. Sign it again with "sortbin release sign"\./,
    });
  });

  it('finds a file that is missing, longer, shorter or different', async (t) => {
    const { repository, file } = await makeRepository(t);
    const good = readFileSync(file, 'utf8');
    const expectProblem = (problem: RegExp) =>
      assert.rejects(repository.verify(), { code: 'release-invalid', message: problem });
    writeFileSync(file, good.toUpperCase());
    await expectProblem(/^fake\/1\.0\.0\/labels\.txt: another sha256 than the signed one/);
    writeFileSync(file, good.slice(1));
    await expectProblem(/labels\.txt: 11 bytes, expected 12/);
    appendFileSync(file, 'xxx');
    await expectProblem(/labels\.txt: more than 12 bytes/);
    rmSync(file);
    await expectProblem(/labels\.txt: no such file/);
  });

  it('refuses a repository of other keys, and metadata that was changed', async (t) => {
    const { repository } = await makeRepository(t);
    const other = await Repository.make(t);
    await assert.rejects(repository.verify(other.root), { code: 'release-invalid' });
    const path = join(repository.folder, 'metadata', 'timestamp.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace(/"version": \d+/, '"version": 9'));
    await assert.rejects(repository.verify(), {
      code: 'release-invalid',
      message: /timestamp was signed by 0/,
    });
    await assert.rejects(repository.verify('/nowhere/root.json'), { code: 'release-missing' });
  });

  it('fails if the server cannot be reached, redirects, or answers with an error', async (t) => {
    const { repository } = await makeRepository(t);
    const statuses = [500, 302];
    const server = createServer((_, response) => {
      response.writeHead(statuses.shift() ?? 500, { location: '/elsewhere' }).end('<html>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const source = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const verify = () => verifyRepository({ source, root: repository.root, nowMs: Date.now() });
    await assert.rejects(verify(), { code: 'release-unreachable', message: /2\.root\.json: status 500/ });
    await assert.rejects(verify(), { code: 'release-unreachable', message: /redirect/ });
    await new Promise((resolve) => server.close(resolve));
    await assert.rejects(verify(), {
      code: 'release-unreachable',
      message: /ECONNREFUSED.*Check the address/,
    });
  });
});

/** Sends a path as it is. `fetch` would normalise it. */
const get = (url: string, path: string, headers: Record<string, string> = {}, method = 'GET') =>
  new Promise<{ status: number; body: string; headers: NodeJS.Dict<string | string[]> }>(
    (resolve, reject) => {
      const sent = request(url, { path, headers, method }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body, headers: response.headers }),
        );
      });
      sent.on('error', reject).end();
    },
  );

describe('the server for a laptop', () => {
  it('serves files and parts of them', async (t) => {
    const { repository, path } = await makeRepository(t);
    const url = await serve(t, repository);
    const part = async (range: string) => {
      const { status, body, headers } = await get(url, `/${path}`, { range });
      return [status, body, headers['content-range']];
    };
    assert.equal((await get(url, `/${path}`)).body, 'paper\nglass\n');
    assert.deepEqual(await part('bytes=6-'), [206, 'glass\n', 'bytes 6-11/12']);
    assert.deepEqual(await part('bytes=0-4'), [206, 'paper', 'bytes 0-4/12']);
    assert.deepEqual(await part('bytes=-6'), [206, 'glass\n', 'bytes 6-11/12']);
    assert.deepEqual(await part('bytes=6-99'), [206, 'glass\n', 'bytes 6-11/12']);
    assert.deepEqual(await part('bytes=12-'), [416, '', 'bytes */12']);
    assert.deepEqual(await part('bytes=0-1,3-4'), [200, 'paper\nglass\n', undefined]);
    const head = await get(url, `/${path}`, {}, 'HEAD');
    assert.deepEqual([head.status, head.body, head.headers['content-length']], [200, '', '12']);
    assert.equal((await get(url, '/metadata/timestamp.json')).headers['cache-control'], 'no-cache');
  });

  it('refuses paths outside metadata and targets, links out of them, and other methods', async (t) => {
    const { repository } = await makeRepository(t);
    const url = await serve(t, repository);
    writeFileSync(join(repository.folder, 'secret.key.json'), 'secret');
    symlinkSync('../secret.key.json', join(repository.folder, 'metadata', 'link.json'));
    const paths = [
      '/',
      '/metadata',
      '/secret.key.json',
      '/metadata/../secret.key.json',
      '/metadata/%2e%2e/secret.key.json',
      '/..%2f..%2fetc/passwd',
      '/metadata/link.json',
      '/metadata/%00',
      '/metadata/%',
      '/metadata/2.root.json',
    ];
    for (const path of paths) assert.deepEqual([path, (await get(url, path)).status], [path, 404]);
    assert.equal((await get(url, '/metadata/timestamp.json', {}, 'POST')).status, 405);
  });

  it('explains why it cannot listen', async (t) => {
    const { repository } = await makeRepository(t);
    const port = Number(new URL(await serve(t, repository)).port);
    await assert.rejects(serveRepository(repository.folder, '127.0.0.1', port), {
      code: 'release-port',
      message: `127.0.0.1, port ${port}: cannot be used (EADDRINUSE). Use another --host or --port.`,
    });
  });
});
