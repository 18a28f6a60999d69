import { appendFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { updateDigests } from '../../support/bundle-copy.js';
import { PublishedRepository, writeVersion } from '../../support/update/bin/published.js';
import { sendFile } from '../../support/update/repository-server.js';
import type { Scenario, World } from '../world.js';

const VERSION = '9.0.0';
const MODEL = 'model_int8.tflite';
/** The bin reports the progress at most twice a second. */
const PIECES = 10;
const PIECE_MS = 200;

/** The update of a model, from the offer until it is active, as Home Assistant shows and starts it. */
export const updates: Scenario = async (world) => {
  const repository = await PublishedRepository.open(join(world.folder, 'release'));
  try {
    await follow(world, repository);
  } finally {
    await repository.close();
  }
};

const follow = async (world: World, repository: PublishedRepository): Promise<void> => {
  const { homeAssistant } = world;
  const expect = (what: string, wanted: Readonly<Record<string, unknown>>) =>
    world.expectAttributes(what, 'model_update', (attributes) =>
      Object.entries(wanted).every(([key, value]) => attributes[key] === value),
    );
  const bin = await world.startBin('bin', {
    update: { url: repository.server.url.href.replace(/\/$/, ''), root: repository.root },
    mqtt: { commands: ['model.check', 'model.install'] },
  });
  const idle = { in_progress: false, update_percentage: null };
  const first = await world.expectStates('nothing newer is published', { model_update: 'off' });
  const factory = first.attributes('model_update').installed_version;
  await expect('the factory model', { ...idle, latest_version: factory });

  const bundle = await writeVersion(join(world.folder, VERSION), VERSION);
  await appendFile(join(bundle, MODEL), 'another model');
  await updateDigests(bundle);
  await repository.add(bundle);
  await homeAssistant.act('button.press', first.id('model_check'));
  await world.expectStates('a new model is offered', { model_update: 'on' });
  await expect('the versions', { ...idle, installed_version: factory, latest_version: VERSION });

  const finish = slowDown(repository);
  await homeAssistant.act('update.install', first.id('model_update'));
  const isHalf = ({ in_progress, update_percentage }: Readonly<Record<string, unknown>>) =>
    in_progress === true && Number(update_percentage) > 0 && Number(update_percentage) < 100;
  const half = await world.expectAttributes('the download has a percentage', 'model_update', isHalf);
  world.findings.note(`half of the download: ${half.update_percentage} %`);
  finish();
  await expect('the new model is active', { ...idle, installed_version: VERSION, latest_version: VERSION });
  await world.expectStates('nothing newer is published', { model_update: 'off' });

  await bin.restartWith({ mqtt: { commands: ['model.check', 'model.install'] } });
  const plain = await world.expectStates('a bin without updates', { state: 'ready' });
  world.findings.check(!plain.keys.includes('model_update'), 'a bin without updates has an update entity');
  world.findings.check(
    /\d+\.\d+\.\d+$/.test(plain.state('model') ?? ''),
    `the model is ${plain.state('model')}`,
  );
};

/** Sends half of the model in pieces, and the rest when the returned function is called. */
const slowDown = ({ server, files }: PublishedRepository): (() => void) => {
  let finish = () => {};
  server.answer(`.${MODEL}`, async (request, response: ServerResponse) => {
    const file = files.get(decodeURIComponent(request.url ?? '').slice(1)) ?? Buffer.alloc(0);
    if (request.headers.range) return sendFile(request, response, file);
    const half = file.length / 2;
    const rest = new Promise<void>((resolve) => {
      finish = resolve;
    });
    response.writeHead(200, { 'Content-Length': file.length });
    for (let piece = 0; piece < PIECES; piece += 1) {
      response.write(file.subarray((half * piece) / PIECES, (half * (piece + 1)) / PIECES));
      await wait(PIECE_MS);
    }
    await rest;
    response.end(file.subarray(half));
  });
  return () => finish();
};
