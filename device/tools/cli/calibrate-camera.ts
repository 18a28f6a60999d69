import { constants } from 'node:fs';
import { access, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { camera as cameraSchema } from '../../config/camera.js';
import { parseConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import type { Camera, CameraInfo } from '../../hardware/camera/camera.js';
import type { FoundCamera } from '../../hardware/camera/camera-list.js';
import { LineLight } from '../../hardware/panel/light.js';
import type { Clock } from '../../kit/clock.js';
import { messageOf, SortbinError } from '../../kit/errors.js';
import { FrameInspector } from '../../perception/vision/frame-inspector.js';
import { listCameras, makeCamera, resolveCamera } from '../../wire/camera.js';
import type { LinesOnDemand } from '../../wire/lines.js';
import { openLight } from '../../wire/panel.js';
import { CalibrateError, type Change, type Key, type Screen } from '../calibrate/calibrate.js';
import { type CameraTask, calibrateCamera } from '../calibrate/camera-session.js';
import { chooseCamera, findCamera } from '../calibrate/choose-camera.js';
import { confirmAndSave, printYaml, saveChanges } from '../calibrate/save.js';
import { silentLog, withLinesOnDemand } from '../calibrate/stopped-bin.js';
import { plainScreen, readKeys, terminalScreen } from '../calibrate/terminal.js';
import { abortOnStop, withExitCode } from './calibrate-run.js';
import { CONFIG_OPTION } from './config-option.js';
import { type CommandConfig, readConfig } from './loaded-config.js';

interface CameraFlags {
  readonly config?: string;
  readonly camera?: string;
  readonly picture?: string;
  readonly fix?: boolean;
  readonly latency?: boolean;
  readonly images?: number;
  readonly json?: boolean;
}

export const calibrateCameraCommand = (): Command =>
  new Command('camera')
    .description('show sharpness and exposure live, and propose exposure, focus and latency of the camera')
    .option(...CONFIG_OPTION)
    .option('--camera <address>', 'use this camera: /dev/video0, or the index of a ribbon camera')
    .option('--picture <file>', 'write the first image to this file, and further ones at key w')
    .option('--fix', 'propose to fix exposure, white balance and focus at their present values')
    .option('--latency', 'measure the latency with the camera light')
    .option('--images <count>', 'without a terminal, end after this number of images', toCount)
    .option('--json', 'print one JSON line per image, proposal and fault')
    .action((flags: CameraFlags) => withExitCode(camera(flags)));

const toCount = (text: string): number => {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new InvalidArgumentError('Use a whole number from 1.');
};

/** The terminal of the command. `keys` is null without one. */
interface Terminal {
  readonly keys: AsyncGenerator<Key> | null;
  readonly screen: Screen;
  readonly style: 'live' | 'lines' | 'json';
}

const camera = async (flags: CameraFlags): Promise<void> => {
  const loaded = await readConfig(flags.config);
  const { stdin, stdout } = process;
  const stop = abortOnStop();
  const isLive = !flags.json && stdin.isTTY && stdout.isTTY;
  const keys = isLive ? readKeys(stdin, stop.signal) : null;
  const screen = isLive ? terminalScreen(stdout) : plainScreen(stdout);
  const terminal: Terminal = { keys, screen, style: flags.json ? 'json' : isLive ? 'live' : 'lines' };
  try {
    if (flags.picture !== undefined) await checkWritable(flags.picture);
    const changes = await withLinesOnDemand(loaded, stop.signal, async (lines, clock) => {
      const chosen = await choose(loaded, flags, terminal);
      const config = { ...loaded.config, camera: chosen.config };
      const found = await inSession({ ...loaded, config }, flags, terminal, { lines, clock }, stop.signal);
      return [...chosen.changes, ...found];
    });
    await save(changes, loaded, terminal);
  } catch (thrown) {
    if (flags.json && !stop.signal.aborted && thrown instanceof SortbinError) screen.print(faultJson(thrown));
    throw thrown;
  } finally {
    await keys?.return(undefined);
  }
};

const faultJson = ({ code, cause, message }: SortbinError): string =>
  JSON.stringify({ fault: cause instanceof SortbinError ? cause.code : code, message });

/** @throws CalibrateError if the file of `--picture` cannot be written */
const checkWritable = async (file: string): Promise<void> => {
  try {
    const info = await stat(file).catch(() => null);
    if (info?.isDirectory()) throw new Error('it is a folder');
    await access(info ? file : dirname(resolve(file)), constants.W_OK);
  } catch (cause) {
    const message = `--picture: ${file} cannot be written (${messageOf(cause)}). Name a file in a folder that exists.`;
    throw new CalibrateError('calibrate-file', message, { cause });
  }
};

interface Chosen {
  readonly config: Config['camera'];
  /** The changes that select the camera in the configuration. */
  readonly changes: readonly Change[];
}

/** Returns the named camera, the configured one, or the choice of a person. */
const choose = async (
  loaded: CommandConfig,
  { camera: address }: CameraFlags,
  { keys, screen }: Terminal,
): Promise<Chosen> => {
  const { camera: configured } = loaded.config;
  const asConfigured = { config: configured, changes: [] };
  const isChoice = configured.driver === 'simulated' && keys !== null;
  if (address === undefined && !isChoice) return asConfigured;
  const { v4l2, rpicam } = await listCameras(loaded);
  const lists = [v4l2, rpicam].flatMap((answer) => (answer.ok ? [answer.value] : []));
  const cameras = lists.flatMap((list) => list.cameras);
  const found =
    address !== undefined ? findCamera(lists, address) : keys && (await chooseCamera(cameras, keys, screen));
  return found ? selectionOf(found, configured) : asConfigured;
};

const selectionOf = async (found: FoundCamera, configured: Config['camera']): Promise<Chosen> => {
  const { driver, address, stablePath } = found;
  const [key, value] = driver === 'v4l2' ? ['device', stablePath ?? address] : ['camera', Number(address)];
  if (configured.driver === driver) {
    const from = configured.driver === 'v4l2' ? configured.device : configured.camera;
    const present = configured.driver === 'v4l2' ? await resolveCamera(configured.device) : `${from}`;
    if (present === address) return { config: configured, changes: [] };
    return {
      config: cameraSchema.parse({ ...configured, [key]: value }),
      changes: [{ path: ['camera', key], from, to: value }],
    };
  }
  return {
    config: cameraSchema.parse({ driver, [key]: value }),
    changes: [
      { path: ['camera', 'driver'], from: configured.driver, to: driver },
      { path: ['camera', key], from: null, to: value },
    ],
  };
};

const FRAME_MS = 10_000;

/** Starts camera, light and inspector for a session, and stops them afterwards. */
const inSession = async (
  loaded: CommandConfig,
  flags: CameraFlags,
  terminal: Terminal,
  { lines, clock }: { readonly lines: LinesOnDemand; readonly clock: Clock },
  stop: AbortSignal,
): Promise<Change[]> => {
  const { camera: configured, panel } = loaded.config;
  const opened = await makeCamera({ ...loaded, log: silentLog }, clock);
  const inspector = new FrameInspector({ clock, log: silentLog });
  const picture = flags.picture ?? 'camera.jpg';
  const tasks: CameraTask[] = [
    ...(flags.picture === undefined ? [] : (['write'] as const)),
    ...(flags.fix ? (['fix'] as const) : []),
    ...(flags.latency ? (['latency'] as const) : []),
  ];
  try {
    const info = await start(opened, stop);
    const output = await openLight(loaded.config, lines);
    const { settleMs = 0 } = panel.light ?? {};
    return await calibrateCamera(
      {
        ...{ camera: opened, info, inspector, clock, configured },
        frameMs: configured.driver === 'node-libcamera' ? configured.captureMs + FRAME_MS : FRAME_MS,
        light: output && { light: new LineLight({ output, settleMs, clock }), output },
        write: async (bytes) => {
          await writeFile(picture, bytes);
          return picture;
        },
        ...{ tasks, maxImages: (!terminal.keys && flags.images) || Number.POSITIVE_INFINITY, ...terminal },
      },
      stop,
    );
  } finally {
    await Promise.all([opened.close(), inspector.close()]);
  }
};

const start = async (opened: Camera, signal: AbortSignal): Promise<CameraInfo> => {
  try {
    return await opened.start(signal);
  } catch (cause) {
    signal.throwIfAborted();
    throw new CalibrateError('calibrate-camera', messageOf(cause), { cause });
  }
};

const save = async (
  changes: readonly Change[],
  { source: file }: CommandConfig,
  { keys, screen, style }: Terminal,
): Promise<void> => {
  // In JSON, each proposal was printed.
  if (style === 'json' || (!keys && changes.length === 0)) return;
  if (!keys) return printYaml(changes, 'Nothing was written, because this is not a terminal.', screen);
  if (file === 'defaults' && changes.length > 0)
    return printYaml(changes, 'There is no configuration file.', screen);
  const parse = (text: string) => parseConfig(text, file);
  await confirmAndSave({ changes, file, keys, screen, save: () => saveChanges({ file, changes, parse }) });
};
