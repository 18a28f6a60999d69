import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { withComment, withoutSegments } from '../jpeg.js';
import { FakeCameraSession } from './fake-camera-session.js';
import { encodeYuyv, makeSceneJpegs, type Scene, scenePixels } from './scenes.js';

const SCRIPT = fileURLToPath(new URL('./fake-camera-relay.js', import.meta.url));
const LINKS = '/dev/v4l/by-id';
const DHT = 0xc4;
const sceneJpeg = await makeSceneJpegs();

/** A fake sortbin-camera with one camera. It follows the protocol until a test makes it misbehave. */
export class FakeSortbinCamera {
  /** Path of the program to spawn. */
  program = '';
  /** Path of the camera below `root`. */
  readonly device = '/dev/video0';
  /** A folder with /dev and /proc. */
  root = '';
  versionLine = 'sortbin-camera 2 fake';
  /** What the camera sees, or a function that returns it for each frame. */
  scene: Scene | (() => Scene) = 'normal';
  /** The bytes of each frame, instead of those of the scene. */
  bytes: Buffer | null = null;
  format: 'MJPG' | 'YUYV' = 'MJPG';
  clock: 'soe' | 'eof' | 'arrival' = 'soe';
  card = 'Fake Webcam';
  bus = 'usb-0000:01:00.0-1.2';
  size = { width: 64, height: 48 };
  /** Of YUYV. An odd number, as for rows with padding. */
  strideBytes = 2 * 64 + 7;
  /** The lines of the reply to `controls`, without `control`. */
  controls: readonly string[] = ['auto_exposure 3 0 3 1 3 -', 'exposure_time_absolute 157 3 2047 1 250 i'];
  /** Controls that cannot be set, with the reason. */
  unset: Readonly<Record<string, string>> = {};
  /** Whether a JPEG lacks its Huffman tables. */
  hasTables = true;
  /** Number of bytes of each write. null: all in one write. */
  splitBytes: number | null = null;
  /** Is added to the time of each frame. */
  timeOffsetMs = 0;
  /** Delivers no frames. */
  isStalled = false;
  /** Delivers no frames, also not the first one. */
  hangs = false;
  /** Time without a frame after which a start fails. It is shorter than asked, so that a slow machine cannot miss it. */
  readonly startMs = 400;
  /** The program neither writes nor reads, like a process that the kernel blocks. */
  isSilent = false;
  /** Fault at the start: code and text. */
  refusal: string | null = null;
  /** Arguments of each start, and all commands without their numbers. */
  readonly starts: string[][] = [];
  readonly commands: string[] = [];
  #isPlugged = true;
  #pid = 0;
  #frames = 0;
  readonly #sessions = new Map<Socket, FakeCameraSession>();
  readonly #server = createServer((socket) => this.#serve(socket));

  /** Whether a process of the program runs. */
  get isRunning(): boolean {
    return this.#sessions.size > 0;
  }

  async start(): Promise<this> {
    this.root = await mkdtemp(join(await realpath(tmpdir()), 'fake-camera-'));
    const socket = join(this.root, 'socket');
    this.program = join(this.root, 'sortbin-camera');
    await mkdir(join(this.root, LINKS), { recursive: true });
    await writeFile(join(this.root, this.device), '');
    await writeFile(this.program, `#!/bin/sh\nexec '${process.execPath}' '${SCRIPT}' '${socket}' "$@"\n`);
    await chmod(this.program, 0o755);
    await new Promise<void>((resolve) => this.#server.listen(socket, resolve));
    return this;
  }

  async stop(): Promise<void> {
    for (const session of this.#sessions.values()) session.end();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.root, { recursive: true, force: true });
  }

  unplug(): void {
    this.#isPlugged = false;
    for (const session of this.#sessions.values()) session.fail(`missing ${this.device}: unplugged`);
  }

  plugIn(): void {
    this.#isPlugged = true;
  }

  /** Makes a link to the camera, as udev does. Returns its path. */
  async link(name: string): Promise<string> {
    const path = join(LINKS, name);
    await symlink(join(this.root, this.device), join(this.root, path));
    return path;
  }

  /** Lets a process use the camera. */
  async hold(pid: number, command: string): Promise<void> {
    const folder = join(this.root, 'proc', `${pid}`);
    await mkdir(join(folder, 'fd'), { recursive: true });
    await writeFile(join(folder, 'comm'), `${command}\n`);
    await symlink(this.device, join(folder, 'fd', '7'));
  }

  /** Reports a fault in the running process. */
  fail(fault: string): void {
    for (const session of this.#sessions.values()) session.fail(fault);
  }

  /** Writes a line to the output of the running process. */
  write(line: string): void {
    for (const session of this.#sessions.values()) session.writeLine(line);
  }

  /** Sends a signal to the newest process. */
  signal(signal: NodeJS.Signals): void {
    process.kill(this.#pid, signal);
  }

  /** Makes the running process exit. */
  exit(): void {
    for (const session of this.#sessions.values()) session.end();
  }

  /** Returns the fault of an attempt to open a device. */
  refusalOf(device: string): string | null {
    return this.#isPlugged ? this.refusal : `missing ${device}: No such file or directory`;
  }

  /** Returns the next frame. */
  frame(): Buffer {
    this.#frames += 1;
    if (this.bytes) return this.bytes;
    const scene = typeof this.scene === 'function' ? this.scene() : this.scene;
    if (this.format === 'YUYV') return encodeYuyv(scenePixels(scene, this.#frames), this.strideBytes);
    const image = sceneJpeg(scene, this.#frames);
    // Like sensor noise, the comment makes each image different.
    const jpeg = scene === 'still' ? image : withComment(image, `${this.#frames}`);
    return this.hasTables ? jpeg : withoutSegments(jpeg, DHT);
  }

  #serve(socket: Socket): void {
    let session: FakeCameraSession | null = null;
    const input = createInterface({ input: socket });
    // A killed process causes an error. The close of the socket handles it.
    input.on('error', () => {});
    input.on('line', (line) => {
      if (session) session.command(line);
      else {
        const { pid, args }: { pid: number; args: string[] } = JSON.parse(line);
        this.starts.push(args);
        this.#pid = pid;
        session = new FakeCameraSession(this, socket, args);
        this.#sessions.set(socket, session);
      }
    });
    const end = () => {
      session?.end();
      this.#sessions.delete(socket);
    };
    socket
      .on('error', () => {})
      .on('end', end)
      .on('close', end);
  }
}
