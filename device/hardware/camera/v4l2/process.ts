import { spawn } from 'node:child_process';
import { whenOverdue } from '../../../kit/deadline.js';
import { type Answer, done, type Fault, failed } from '../../../kit/errors.js';
import { SupervisedProcess, type SupervisedProcessOptions } from '../../../kit/supervised-process.js';
import type { CameraControl, CameraFault } from '../camera.js';
import { faultOf, hungFault } from './faults.js';
import { type CameraOutput, OutputParser } from './output-parser.js';
import { PROTOCOL, type Ready } from './protocol.js';

/** The reply to a command. Code `ended`: the process ended before it replied. */
export type Reply =
  | { readonly type: 'frame'; readonly atNs: bigint; readonly bytes: Uint8Array }
  | { readonly type: 'ok'; readonly controls: readonly CameraControl[] }
  | { readonly type: 'error'; readonly code: string; readonly text: string };

/** The stream, and the controls at its start. */
export interface Started {
  readonly ready: Ready;
  readonly controls: readonly CameraControl[];
}

export interface CameraProcessOptions
  extends Pick<SupervisedProcessOptions<CameraFault>, 'signal' | 'startMs' | 'clock' | 'log'> {
  readonly program: string;
  readonly args: readonly string[];
  /** The device, for messages. */
  readonly device: string;
  /** Receives a control that could not be set, and the reason. */
  readonly onUnset: (control: string, reason: string) => void;
}

/** Time for the exit after standard input was closed. */
const EXIT_MS = 700;
/** Time for a reply. */
const REPLY_MS = 2_000;
const USE_THIS_RELEASE = 'Use the sortbin-camera of this release.';

interface Pending {
  /** The controls that were received for this command. */
  readonly controls: CameraControl[];
  readonly settle: (reply: Reply) => void;
  readonly cancel: () => void;
}

/**
 * One process of sortbin-camera, from spawn to exit. It is ready when the camera delivers frames. It is killed if it sends
 * invalid output or misses a deadline.
 */
export class CameraProcess extends SupervisedProcess<Started, CameraFault> {
  readonly #camera: CameraProcessOptions;
  readonly #pending = new Map<number, Pending>();
  #hasVersion = false;
  #isReady = false;
  #lastId = 0;

  constructor(camera: CameraProcessOptions) {
    super({
      ...camera,
      name: 'sortbin-camera',
      // Detached, so that Ctrl-C reaches only the daemon, which stops its parts in order. It needs no environment.
      spawn: () => spawn(camera.program, camera.args, { stdio: 'pipe', detached: true, env: {} }),
      startMs: camera.startMs + REPLY_MS,
      ownsGroup: true,
      faults: { ended: 'camera-failed', late: 'camera-no-frame' },
      outputLevel: 'warn',
    });
    this.#camera = camera;
    const parser = new OutputParser(
      (message) => this.#read(message),
      (line) => this.#refuse(line),
    );
    // If a write fails, the exit of the process or the deadline of the command follows.
    this.child?.stdin?.on('error', () => {});
    this.child?.stdout?.on('data', (chunk: Buffer) => parser.push(chunk));
    this.ended.then((fault) => this.#settleAll(fault));
  }

  /** Whether the program has sent its version. */
  get hasVersion(): boolean {
    return this.#hasVersion;
  }

  /** Sends a command. A process that does not reply in time is killed. `replyMs`: Infinity for a command that waits. */
  send(command: string, replyMs = REPLY_MS): Promise<Reply> {
    return new Promise((settle) => {
      if (this.fault) return settle({ type: 'error', code: 'ended', text: this.fault.message });
      this.#lastId += 1;
      const onLate = () => {
        this.reportFault(hungFault(this.#camera.device));
        this.kill(`did not answer "${command}"`);
      };
      const cancel = replyMs === Infinity ? () => {} : whenOverdue(this.#camera.clock, replyMs, onLate);
      this.#pending.set(this.#lastId, { controls: [], settle, cancel });
      this.child?.stdin?.write(`${this.#lastId} ${command}\n`);
    });
  }

  /** Reads the controls of the camera, with their present values. */
  async controls(): Promise<Answer<readonly CameraControl[], CameraFault>> {
    const reply = await this.send('controls');
    if (reply.type === 'ok') return done(reply.controls);
    const { device } = this.#camera;
    return failed(
      this.fault?.code ?? 'camera-failed',
      this.fault?.message ?? `${device}: no controls received`,
    );
  }

  /** Closes standard input, on which sortbin-camera closes the device and exits. Kills it if it does not exit in time. */
  async close(): Promise<void> {
    this.child?.stdin?.end();
    await this.untilExit(EXIT_MS);
  }

  #read(message: CameraOutput): void {
    if (this.fault) return;
    // The version comes first, and once.
    if ((message.type === 'version') === this.#hasVersion) this.#refuse(message.type);
    else if (message.type === 'version') this.#checkVersion(message.protocol, message.version);
    else if (message.type === 'ready') this.#onReady(message.ready);
    else if (message.type === 'fault') this.#onFault(faultOf(message, this.#camera.device, this.#isReady));
    else if (message.type === 'unset') this.#camera.onUnset(message.control, message.text);
    else if (message.type === 'frame' && this.#aheadMs(message.atNs) > 0)
      this.#breakProtocol(
        `sent a frame from the future: its time is ${Math.ceil(this.#aheadMs(message.atNs))} ms ahead`,
      );
    else if (message.type === 'control') this.#onControl(message.id, message.control);
    else if (message.type === 'ok')
      this.#settle(message.id, { type: 'ok', controls: this.#pending.get(message.id)?.controls ?? [] });
    else this.#settle(message.id, message);
  }

  #checkVersion(protocol: number, version: string): void {
    this.#hasVersion = true;
    if (protocol === PROTOCOL) return;
    const { program } = this.#camera;
    const problem = `${program} (${version}) uses protocol ${protocol}, this sortbin uses protocol ${PROTOCOL}`;
    this.reportFault({ code: 'camera-unsupported', message: `${problem}. ${USE_THIS_RELEASE}` });
    this.kill(`uses protocol ${protocol}`);
  }

  #onReady(ready: Ready): void {
    if (this.#isReady) this.#refuse('ready');
    this.#isReady = true;
    this.controls().then((answer) =>
      this.settleReady(answer.ok ? done({ ready, controls: answer.value }) : answer),
    );
  }

  #onFault(fault: Fault<CameraFault>): void {
    this.reportFault(fault);
    this.kill('reported a fault');
  }

  #onControl(id: number, control: CameraControl): void {
    const pending = this.#pending.get(id);
    if (pending) pending.controls.push(control);
    else this.#refuse(`${id} control`);
  }

  #settle(id: number, reply: Reply): void {
    const pending = this.#pending.get(id);
    if (!pending) this.#refuse(`${id} ${reply.type}`);
    this.#pending.delete(id);
    pending?.cancel();
    pending?.settle(reply);
  }

  /** Returns by how much a time is later than now. The program sends a frame after its time only. */
  #aheadMs(atNs: bigint): number {
    return Number(atNs) / 1e6 - this.#camera.clock.monotonicMs();
  }

  #refuse(line: string): void {
    this.#breakProtocol(`sent an invalid line: ${JSON.stringify(line)}`);
  }

  #breakProtocol(reason: string): void {
    this.reportFault({
      code: 'camera-failed',
      message: `${this.#camera.program} ${reason}. ${USE_THIS_RELEASE}`,
    });
    this.kill(reason);
  }

  #settleAll({ message }: Fault<CameraFault>): void {
    for (const { cancel, settle } of this.#pending.values()) {
      cancel();
      settle({ type: 'error', code: 'ended', text: message });
    }
    this.#pending.clear();
  }
}
