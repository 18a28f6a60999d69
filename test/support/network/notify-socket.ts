import { rmSync } from 'node:fs';
import koffi from 'koffi';

const libc = koffi.load(null);
const openSocket = libc.func('int socket(int, int, int)');
const bind = libc.func('int bind(int, void *, uint32_t)');
const receive = libc.func('int64_t recv(int, _Out_ uint8_t *, size_t, int)');
const close = libc.func('int close(int)');

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;
const PATH_BYTES = 108;

/** The receiving end of NOTIFY_SOCKET, like systemd's. Node.js has no datagram sockets in the file system. */
export class NotifySocket {
  readonly #fd: number;
  readonly #received: string[] = [];

  /** `name`: a path, or @ and an abstract name. */
  constructor(readonly name: string) {
    const address = Buffer.alloc(2 + PATH_BYTES);
    address.writeUInt16LE(AF_UNIX);
    address.write(name.replace(/^@/, '\0'), 2);
    this.#fd = openSocket(AF_UNIX, SOCK_DGRAM, 0);
    const isAbstract = name.startsWith('@');
    const length = 2 + Buffer.byteLength(name) + (isAbstract ? 0 : 1);
    if (this.#fd < 0 || bind(this.#fd, address, length) !== 0) throw new Error(`cannot bind ${name}`);
  }

  /** All datagrams so far. A file descriptor that came with one is closed, as systemd does with a barrier. */
  received(): readonly string[] {
    const bytes = Buffer.alloc(1_024);
    for (;;) {
      const size = Number(receive(this.#fd, bytes, bytes.length, MSG_DONTWAIT));
      if (size < 0) return this.#received;
      this.#received.push(bytes.toString('utf8', 0, size));
    }
  }

  close(): void {
    close(this.#fd);
    if (!this.name.startsWith('@')) rmSync(this.name, { force: true });
  }
}
