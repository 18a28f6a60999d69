import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { it } from 'node:test';
import { writeVersion } from '../../support/update/bin/published.js';
import { UpdateBin } from '../../support/update/bin/update-bin.js';

const HTML = '<!doctype html><title>Log in</title>';
/** A refresh needs 5 files, and a bundle has 13. Each is requested once, and perhaps its rest. */
const MAX_REQUESTS = 20;

const page = (response: ServerResponse) =>
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(HTML);

const redirect = (response: ServerResponse) =>
  response.writeHead(302, { Location: 'http://192.0.2.1/' }).end();

/** Announces a length, and sends another one. */
const announce = (announced: number, sent: Buffer) => (response: ServerResponse) => {
  response.writeHead(200, { 'Content-Length': announced }).write(sent);
  setTimeout(() => response.destroy(), 100);
};

const endless = (response: ServerResponse) => {
  const more = () => {
    while (!response.destroyed && response.write(Buffer.alloc(65_536, ' ')));
  };
  response.writeHead(200).on('drain', more);
  more();
};

it('names what a wrong server does, sorts on, and takes the update when the server is right', () =>
  UpdateBin.use({}, async (bin) => {
    const { repository } = bin;
    const { server, files } = repository;
    await repository.add(await writeVersion(join(bin.folder, 'new'), '9.0.0'));
    const path = repository.pathOf('9.0.0', 'model_int8.tflite');
    const [timestamp, model] = ['metadata/timestamp.json', path].map(
      (name) => files.get(name) ?? Buffer.alloc(0),
    ) as [Buffer, Buffer];
    const half = model.subarray(0, model.length / 2);
    await bin.start();

    const wrong: readonly [
      name: string,
      end: string,
      send: (to: ServerResponse) => unknown,
      fault: RegExp,
    ][] = [
      ['a login page', 'timestamp.json', page, /^update-not-found .*timestamp\.json: .* an HTML page/],
      ['a redirect', 'timestamp.json', redirect, /^update-unreachable .*redirect to http:\/\/192\.0\.2\.1\//],
      ['an error', '.snapshot.json', (to) => to.writeHead(503).end(), /^update-unreachable .*HTTP 503/],
      ['a huge length', 'timestamp.json', announce(1e9, timestamp), /^update-metadata-invalid .*more than/],
      ['a part', 'timestamp.json', announce(timestamp.length, timestamp.subarray(9)), /^update-unreachable/],
      ['no end', 'timestamp.json', endless, /^update-metadata-invalid .*more than the 16384 bytes/],
      ['a login page as model', '.tflite', page, /^update-not-found .*\.tflite: .* an HTML page/],
      ['a redirect as model', '.tflite', redirect, /^update-unreachable .*redirect/],
      ['a short model', '.tflite', announce(half.length, half), /^update-file-invalid .*sends 1987764 bytes/],
      ['no end of a model', '.tflite', endless, /^update-file-invalid .*sends \d+ bytes/],
      [
        'half a model',
        '.tflite',
        announce(model.length, half),
        /^update-unreachable .*the connection was lost/,
      ],
    ];
    for (const [name, end, send, expected] of wrong) {
      const before = server.requests.length;
      server.reset();
      server.answer(end, (_, response) => send(response));
      const { code, message } = await bin.refuses();
      assert.match(`${code} ${message}`, expected, name);
      assert.deepEqual(await bin.faults(), [code], name);
      assert.ok(server.requests.length - before <= MAX_REQUESTS, name);
      await bin.sortsOn(1);
    }
    server.reset();
    await bin.installs('9.0.0');
    assert.deepEqual(await bin.faults(), []);
    assert.match(server.requests.at(-1) ?? '', /\.tflite from \d+$/, 'the download continues');
    await bin.sortsOn();
    await bin.stop();
  }));
