import type { Socket } from 'node:net';
import type { FakeSortbinCamera } from './fake-sortbin-camera.js';

interface FakeFrame {
  readonly ns: bigint;
  readonly sequence: number;
  readonly bytes: Buffer;
}

const HELD = 2;
const optionOf = (args: readonly string[], name: string): number => Number(args[args.indexOf(name) + 1]);

/** One run of the fake sortbin-camera: the same protocol, with the frames of its test. */
export class FakeCameraSession {
  readonly #held: FakeFrame[] = [];
  #request: { readonly id: string; readonly ns: bigint } | null = null;
  #sequence = 0;
  #isReady = false;
  #timer: NodeJS.Timeout | undefined;
  #lastFrameMs = performance.now();
  readonly #skip: number;
  readonly #freezeMs: number;
  readonly #fps: number;
  readonly #device: string;

  constructor(
    private readonly fake: FakeSortbinCamera,
    private readonly socket: Socket,
    args: readonly string[],
  ) {
    this.#freezeMs = optionOf(args, '--freeze-ms');
    this.#skip = optionOf(args, '--skip');
    const size = args.findIndex((word) => /^\d+x\d+$/.test(word));
    this.#device = args[size - 1] ?? '';
    this.#fps = Number(args[size + 1]);
    if (fake.isSilent) return;
    this.writeLine(fake.versionLine);
    const refusal = fake.refusalOf(this.#device);
    if (refusal) {
      this.fail(refusal);
      return;
    }
    for (const [control, text] of Object.entries(fake.unset)) this.writeLine(`unset ${control} ${text}`);
    this.#timer = setInterval(() => this.#tick(), 1_000 / this.#fps);
  }

  /** Reports a fault and exits. */
  fail(fault: string): void {
    this.writeLine(`fault ${fault}`);
    this.end();
  }

  end(): void {
    clearInterval(this.#timer);
    this.socket.destroySoon();
  }

  writeLine(line: string): void {
    this.#write(Buffer.from(`${line}\n`));
  }

  command(line: string): void {
    const { fake } = this;
    const [id = '', verb, argument = ''] = line.split(' ');
    fake.commands.push(line.slice(id.length + 1));
    if (fake.isSilent) return;
    if (verb === 'controls') {
      for (const control of fake.controls) this.writeLine(`${id} control ${control}`);
      this.writeLine(`${id} ok`);
    } else if (verb === 'latest') {
      const newest = this.#held.at(-1);
      if (newest) this.#send(id, newest);
      else this.writeLine(`${id} error none there is no frame yet`);
    } else if (verb === 'after') {
      if (this.#request) this.writeLine(`${this.#request.id} error cancelled a newer command replaced it`);
      this.#request = { id, ns: BigInt(argument) };
      this.#answer();
    } else this.writeLine(`${id} error command there is no such command`);
  }

  #tick(): void {
    const { fake } = this;
    if (fake.isSilent) return;
    if (fake.isStalled || fake.hangs) this.#checkFreeze();
    else this.#takeFrame();
  }

  #takeFrame(): void {
    const { fake } = this;
    this.#lastFrameMs = performance.now();
    this.#sequence += 1;
    if (this.#sequence <= this.#skip) return;
    const intervalNs = BigInt(Math.round(1e9 / this.#fps));
    const ns = process.hrtime.bigint() - (fake.clock === 'soe' ? 0n : intervalNs);
    this.#held.push({ ns, sequence: this.#sequence, bytes: fake.frame() });
    if (this.#held.length > HELD) this.#held.shift();
    if (!this.#isReady) this.#sendReady();
    this.#answer();
  }

  #checkFreeze(): void {
    const limitMs = this.#isReady ? this.#freezeMs : this.fake.startMs;
    if (performance.now() - this.#lastFrameMs > limitMs)
      this.fail(`frozen ${this.#device}: no good frame within ${limitMs} ms`);
  }

  #sendReady(): void {
    const { format, size, strideBytes, clock, card, bus } = this.fake;
    this.#isReady = true;
    const isJpeg = format === 'MJPG';
    const layout = `stride=${isJpeg ? 0 : strideBytes} colour=${isJpeg ? 'jpeg' : 'bt601-limited'}`;
    this.writeLine(
      `ready format=${format} width=${size.width} height=${size.height} ${layout} fps=${this.#fps} clock=${clock} device=${this.#device} driver=uvcvideo bus=${bus} card=${card}`,
    );
  }

  #answer(): void {
    const request = this.#request;
    const offsetNs = BigInt(this.fake.timeOffsetMs * 1e6);
    const frame = this.#held.find(({ ns }) => request !== null && ns + offsetNs > request.ns);
    if (!request || !frame) return;
    this.#request = null;
    this.#send(request.id, frame);
  }

  #send(id: string, { ns, sequence, bytes }: FakeFrame): void {
    const atNs = ns + BigInt(this.fake.timeOffsetMs * 1e6);
    const header = Buffer.from(`${id} frame ${atNs} ${sequence} ${bytes.length}\n`);
    this.#write(Buffer.concat([header, bytes]));
  }

  #write(bytes: Buffer): void {
    if (this.socket.destroyed || !this.socket.writable) return;
    const step = this.fake.splitBytes ?? bytes.length;
    for (let at = 0; at < bytes.length; at += step) this.socket.write(bytes.subarray(at, at + step));
  }
}
