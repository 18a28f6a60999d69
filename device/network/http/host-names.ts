import { isIP } from 'node:net';
import { hostname } from 'node:os';

/** The host of a `Host` header, with or without a port. */
const HOST = /^(\[[^\]]*\]|[^:[\]]*)(:\d{1,5})?$/;

/**
 * Decides whether a request was sent to a name of this bin. A page of another site can let its own name point to the bin (DNS
 * rebinding). A browser would then let it read the answers. Such a page cannot choose the `Host` header, which has its name.
 */
export class HostNames {
  readonly #names: ReadonlySet<string>;

  /** `names`: further names of the bin, from the configuration. */
  constructor(names: readonly string[]) {
    const machine = hostname();
    const [short = machine] = machine.split('.');
    this.#names = new Set(
      ['localhost', machine, short, `${short}.local`, ...names].map((name) => name.toLowerCase()),
    );
  }

  /** `header`: undefined for a request of HTTP/1.0, which no browser sends. */
  has(header: string | undefined): boolean {
    if (header === undefined) return true;
    const [, host] = HOST.exec(header.toLowerCase()) ?? [];
    if (!host) return false;
    // An address needs no DNS.
    return isIP(host.replace(/^\[|\]$/g, '')) !== 0 || this.#names.has(host.replace(/\.$/, ''));
  }
}
