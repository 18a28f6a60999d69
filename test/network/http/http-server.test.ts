import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Fault } from '../../../device/kit/errors.js';
import type { HttpRequest, HttpRoute } from '../../../device/network/http/http.js';
import { RouteTable } from '../../../device/network/http/route-table.js';
import { explainFault } from '../../../device/status/faults/faults.js';
import { until } from '../../support/until.js';
import { HttpBench, NEVER, textRoute, untilClosed, withServer } from './http-kit.js';

const echo: HttpRoute = {
  method: 'POST',
  path: '/echo',
  answer: ({ body, query, headers }: HttpRequest) => ({
    status: 201,
    type: 'text/plain',
    headers: { 'x-word': String(headers['x-word']) },
    body: `${query.get('who')}: ${Buffer.from(body)}`,
  }),
};
const statusLine = (answer: string): string => answer.split('\r\n')[0] ?? '';

describe('the routes of the http server', () => {
  it('answer a request with its query, headers and body', () =>
    withServer([echo], async ({ url }) => {
      const request = { method: 'POST', body: 'hello', headers: { 'x-word': 'yes' } };
      const answer = await fetch(`${url}/echo?who=a%20b`, request);
      assert.deepEqual([answer.status, answer.headers.get('x-word')], [201, 'yes']);
      assert.equal(await answer.text(), 'a b: hello');
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
      assert.equal(answer.headers.get('cache-control'), 'no-store');
    }));

  it('answer HEAD like GET, without the body', () =>
    withServer([textRoute('/a', 'four')], async ({ url }) => {
      const answer = await fetch(`${url}/a`, { method: 'HEAD' });
      assert.deepEqual([answer.status, answer.headers.get('content-length')], [200, '4']);
      assert.equal(await answer.text(), '');
    }));

  it('refuse an unknown path, and name the methods of a known one', () =>
    withServer([textRoute('/a', ''), echo], async ({ url }) => {
      for (const path of ['/', '/b', '/a/', '//a', '/%61', '/../a?/a', '/__proto__'])
        assert.equal((await fetch(url + path)).status, path === '/../a?/a' ? 200 : 404, path);
      const wrong = await fetch(`${url}/a`, { method: 'DELETE' });
      assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'GET, HEAD']);
      assert.equal((await fetch(`${url}/echo`)).headers.get('allow'), 'POST');
    }));

  it('are unique', () => {
    const table = new RouteTable();
    table.add(textRoute('/a', ''));
    assert.throws(() => table.add(textRoute('/a', '')), /GET \/a: this route exists already/);
  });

  it('answer 500 if one throws, and log the 1st, 2nd and 4th of four failures', async () => {
    const broken: HttpRoute = {
      method: 'GET',
      path: '/x',
      answer: () => Promise.reject(new Error('secret')),
    };
    await withServer([broken, textRoute('/a', 'fine')], async ({ url, logged }) => {
      for (let count = 1; count <= 4; count += 1) {
        const answer = await fetch(`${url}/x`);
        assert.deepEqual([answer.status, await answer.text()], [500, 'internal error\n']);
      }
      assert.equal(logged.filter(({ msg }) => msg === 'http server: a route failed').length, 3);
      assert.equal(await (await fetch(`${url}/a`)).text(), 'fine');
    });
  });

  it('answer 500 after the deadline, and abort the signal of the route', async () => {
    const reasons: string[] = [];
    const slow: HttpRoute = {
      method: 'GET',
      path: '/slow',
      answer: ({ signal }) =>
        new Promise(() => {
          signal.addEventListener('abort', () => reasons.push(signal.reason.name));
        }),
    };
    await withServer([slow], async ({ url }) => assert.equal((await fetch(`${url}/slow`)).status, 500), {
      answerMs: 30,
    });
    assert.deepEqual(reasons, ['DeadlineExceeded']);
  });

  it('send a stream, and destroy it when the client has gone', async () => {
    let source = new Readable({ read() {} });
    const stream: HttpRoute = {
      method: 'GET',
      path: '/stream',
      answer: () => {
        source = new Readable({ read() {} });
        return { status: 200, type: 'text/event-stream', body: source };
      },
    };
    await withServer([stream], async ({ url }) => {
      const gone = new AbortController();
      const { body } = await fetch(`${url}/stream`, { signal: gone.signal });
      source.push('data: 1\n\n');
      const { value } = (await body?.getReader().read()) ?? {};
      assert.equal(Buffer.from(value ?? []).toString(), 'data: 1\n\n');
      gone.abort();
      await until('the stream is destroyed', () => source.destroyed);
    });
  });
});

describe('the host names of the http server', () => {
  const statusWith = async (bench: HttpBench, host: string): Promise<string> =>
    statusLine(await bench.say(`GET /a HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`));
  const OK = 'HTTP/1.1 200 OK';

  it('are addresses, localhost, the name of the machine, and those of the configuration', () =>
    withServer([textRoute('/a', '')], async (bench) => {
      const { port } = new URL(bench.url);
      const [own = ''] = hostname().split('.');
      for (const host of [
        '127.0.0.1',
        '192.168.1.7',
        '[::1]',
        'localhost',
        'LocalHost.',
        own,
        `${own}.local`,
        'bin.lan',
      ])
        for (const text of [host, `${host}:${port}`, `${host}:80`])
          assert.equal(await statusWith(bench, text), OK, text);
      assert.equal(statusLine(await bench.say('GET /a HTTP/1.0\r\n\r\n')), OK);
    }));

  it('are no others: a page of another site could let its name point here', () =>
    withServer([textRoute('/a', '')], async (bench) => {
      for (const host of [
        'example.com',
        '127.0.0.1.example.com',
        'localhost.example.com',
        'a@localhost',
        '[x]',
        '',
        ':80',
      ])
        assert.equal(await statusWith(bench, host), 'HTTP/1.1 421 Misdirected Request', host);
      const answer = await bench.say('GET /a HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n');
      assert.match(
        answer,
        /\r\n\r\nnot a name of this bin\. Use its IP address, or add the name to http\.names\.\n$/,
      );
    }));
});

describe('the limits of the http server', () => {
  it('answer the requests of one connection one at a time, and drop the rest when the client has gone', async () => {
    const asked: string[] = [];
    let running = 0;
    const slow: HttpRoute = {
      method: 'GET',
      path: '/slow',
      answer: async ({ query }) => {
        asked.push(query.get('n') ?? '');
        running += 1;
        assert.equal(running, 1);
        await nextTurn();
        running -= 1;
        return { status: 200, type: 'text/plain', body: `answer ${query.get('n')}` };
      },
    };
    const endless: HttpRoute = { ...slow, path: '/endless', answer: () => new Promise(() => {}) };
    const request = (path: string, n: number) => `GET ${path}?n=${n} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    await withServer([slow, endless], async (bench) => {
      const numbers = Array.from({ length: 50 }, (_, n) => n);
      const answer = await bench.say(
        `${numbers.map((n) => request('/slow', n)).join('')}GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      );
      assert.deepEqual(
        [...answer.matchAll(/answer (\d+)/g)].map(([, n]) => Number(n)),
        numbers,
      );
      asked.length = 0;
      const socket = await bench.connect();
      socket.write(`${request('/endless', 0)}${numbers.map((n) => request('/slow', n)).join('')}`);
      await bench.say('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
      socket.destroy();
      await bench.say('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
      assert.deepEqual(asked, []);
    });
  });

  it('refuse headers that are too long, and what is no HTTP', () =>
    withServer([textRoute('/a', '')], async (bench) => {
      const long = await bench.say(`GET /a HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(9_000)}\r\n\r\n`);
      assert.equal(statusLine(long), 'HTTP/1.1 431 Request Header Fields Too Large');
      for (const bytes of ['\0\x01\x02\r\n\r\n', 'GET /a HTTP/1.1\r\n\r\n', 'GET a b c\r\n\r\n'])
        assert.equal(statusLine(await bench.say(bytes)), 'HTTP/1.1 400 Bad Request', JSON.stringify(bytes));
    }));

  it('refuse a body that is too long, announced or not, and close the connection', () =>
    withServer(
      [echo],
      async (bench) => {
        const head = 'POST /echo HTTP/1.1\r\nHost: localhost\r\n';
        const announced = await bench.say(`${head}Content-Length: 11\r\n\r\n`);
        const chunked = await bench.say(`${head}Transfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n`);
        for (const answer of [announced, chunked]) {
          assert.equal(statusLine(answer), 'HTTP/1.1 413 Payload Too Large');
          assert.match(answer, /\r\nconnection: close\r\n/i);
        }
        const fits = await fetch(`${bench.url}/echo`, { method: 'POST', body: '1234567890' });
        assert.equal(await fits.text(), 'null: 1234567890');
      },
      { bodyBytes: 10 },
    ));

  it('end a client that does not finish its headers or its body', () =>
    withServer(
      [echo],
      async (bench) => {
        for (const bytes of [
          'POST /echo HT',
          'POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n12',
        ])
          assert.equal(statusLine(await bench.say(bytes)), 'HTTP/1.1 408 Request Timeout');
      },
      { headersMs: 50, requestMs: 100, checkMs: 20 },
    ));

  it('end a client that says nothing, and one that keeps its connection', () =>
    withServer(
      [textRoute('/a', 'a')],
      async (bench) => {
        assert.equal(await untilClosed(await bench.connect()), '');
        assert.match(await bench.say('GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n'), /^HTTP\/1.1 200 OK/);
      },
      { idleMs: 100, keepAliveMs: 50 },
    ));

  it('end a client that does not read its answer', async () => {
    const source = Readable.from(
      (function* () {
        for (;;) yield 'x'.repeat(100_000);
      })(),
    );
    const endless: HttpRoute = {
      method: 'GET',
      path: '/endless',
      answer: () => ({ status: 200, type: 'text/plain', body: source }),
    };
    await withServer(
      [endless],
      async (bench) => {
        const socket = await bench.connect();
        socket.pause().write('GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n');
        await until('the stream is destroyed', () => source.destroyed);
      },
      { idleMs: 100 },
    );
  });

  it('refuse further connections, and serve others when one ends', () =>
    withServer(
      [textRoute('/a', 'fine')],
      async (bench) => {
        const held = [await bench.connect(), await bench.connect()];
        assert.equal(await bench.say('GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n'), '');
        held[0]?.destroy();
        const request = 'GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
        let answer = '';
        while (answer === '') answer = await bench.say(request);
        assert.equal(statusLine(answer), 'HTTP/1.1 200 OK');
      },
      { connections: 2 },
    ));
});

describe('start and stop of the http server', () => {
  it('a port in use is a fault, and the bin starts without the server', async (t) => {
    const other = createServer().listen(0, '127.0.0.1');
    t.after(() => other.close());
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const bench = new HttpBench([], {}, port);
    const faults: (Fault | null)[] = [];
    bench.server.onHealth((fault) => faults.push(fault));
    await bench.server.start(NEVER);
    assert.equal(bench.server.url, null);
    assert.deepEqual(
      faults.map((fault) => fault?.code),
      ['http-not-started'],
    );
    assert.match(faults[0]?.message ?? '', /EADDRINUSE.*The bin sorts without the HTTP server/);
    assert.ok(explainFault('http-not-started'));
    await bench.server.stop();
  });

  it('an aborted start rejects, and leaves no open port', async () => {
    const bench = new HttpBench([]);
    await assert.rejects(bench.server.start(AbortSignal.abort(new Error('stop'))), /^Error: stop$/);
    const abort = new AbortController();
    const start = bench.server.start(abort.signal);
    abort.abort(new Error('later'));
    await assert.rejects(start, /^Error: later$/);
    await bench.server.stop();
    assert.equal(bench.server.url, null);
  });

  it('the stop ends open connections', () =>
    withServer([textRoute('/a', '')], async (bench) => {
      const closed = untilClosed(await bench.connect());
      await bench.server.stop();
      assert.equal(await closed, '');
      await bench.server.stop();
    }));
});
