import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncPath } from '../../kit/durable-file.js';
import { localError, publicUrl, RepositoryError } from './errors.js';
import type { FileStream } from './file-stream.js';
import type { Reader } from './reader.js';

export interface Download {
  readonly url: URL;
  /** Length of the file. */
  readonly bytes: number;
  /** Hashes by algorithm, in hexadecimal digits. All of them must match. */
  readonly hashes: Readonly<Record<string, string>>;
}

/** Returns the URL of a target in a repository with consistent snapshots: its file name begins with the hash. */
export const targetUrl = (base: URL, path: string, hash: string | null): URL => {
  const parts = path.replace(/^\//, '').split('/');
  const file = parts.pop() ?? '';
  parts.push(hash === null ? file : `${hash}.${file}`);
  return new URL(`${base.href}${parts.map(encodeURIComponent).join('/')}`);
};

/**
 * Downloads a file into `into`, after what an earlier attempt left there. If the result is wrong, and a part of it was
 * from an earlier attempt, the whole file is downloaded once. A wrong file is emptied.
 * @throws RepositoryError, or the signal's reason
 */
export const downloadFile = async (
  reader: Reader,
  download: Download,
  into: string,
  signal: AbortSignal,
  onProgress: (bytes: number) => void = () => {},
): Promise<void> => {
  const file = await local(into, () => openPart(into));
  try {
    const part = new PartFile(file, into, download, onProgress);
    await part.resume();
    const hasPart = part.bytes > 0;
    await part.fetchRest(reader, signal);
    if (!part.isWhole() && hasPart) {
      await part.restart();
      await part.fetchRest(reader, signal);
    }
    if (!part.isWhole()) {
      await part.restart();
      throw new RepositoryError(
        'update-file-invalid',
        `${publicUrl(download.url)}: the file differs from the signed metadata (${Object.keys(download.hashes)})`,
      );
    }
    await local(into, () => file.sync());
  } finally {
    await file.close();
  }
  await local(into, async () => syncPath(dirname(into)));
};

/** Opens the file for what an earlier attempt left. Anything else of this name is removed: it would stop each attempt. */
const openPart = async (path: string): Promise<FileHandle> => {
  const status = await lstat(path).catch(() => null);
  if (status && !status.isFile()) await rm(path, { recursive: true, force: true });
  return open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
};

/** The file that grows, with the hash of what it contains. */
class PartFile {
  bytes = 0;
  #digests: ReadonlyMap<string, Hash> = new Map();

  constructor(
    private readonly file: FileHandle,
    private readonly path: string,
    private readonly download: Download,
    private readonly onProgress: (bytes: number) => void,
  ) {}

  /** Reads what an earlier attempt left. */
  async resume(): Promise<void> {
    this.#digests = this.#newDigests();
    const { size } = await local(this.path, () => this.file.stat());
    if (size === 0) return;
    if (size > this.download.bytes) return this.restart();
    await local(this.path, async () => {
      for await (const chunk of this.file.createReadStream({ start: 0, autoClose: false }))
        this.#count(chunk);
    });
  }

  async restart(): Promise<void> {
    await local(this.path, () => this.file.truncate(0));
    this.bytes = 0;
    this.#digests = this.#newDigests();
  }

  async fetchRest(reader: Reader, signal: AbortSignal): Promise<void> {
    const { url, bytes } = this.download;
    if (this.bytes === bytes) return signal.throwIfAborted();
    const sink = {
      offset: this.bytes,
      start: async (stream: FileStream) => {
        this.#checkLength(stream.bytes ?? bytes);
        if (stream.offset !== this.bytes) await this.restart();
      },
      write: (chunk: Uint8Array) => this.#write(chunk),
    };
    await reader.read(url, sink, signal);
    if (this.bytes === bytes) return;
    throw new RepositoryError(
      'update-unreachable',
      `${publicUrl(url)}: ended after ${this.bytes} of ${bytes} bytes. The transfer continues at the next attempt.`,
    );
  }

  isWhole(): boolean {
    const { bytes, hashes } = this.download;
    if (this.bytes !== bytes || this.#digests.size === 0) return false;
    return [...this.#digests].every(
      ([algorithm, digest]) => digest.copy().digest('hex') === hashes[algorithm],
    );
  }

  async #write(chunk: Uint8Array): Promise<void> {
    this.#checkLength(Math.max(this.bytes + chunk.length, this.download.bytes));
    await local(this.path, async () => {
      for (let written = 0; written < chunk.length; ) {
        const { bytesWritten } = await this.file.write(chunk, written, null, this.bytes + written);
        written += bytesWritten;
      }
    });
    this.#count(chunk);
  }

  #count(chunk: Uint8Array): void {
    for (const digest of this.#digests.values()) digest.update(chunk);
    this.bytes += chunk.length;
    this.onProgress(this.bytes);
  }

  #checkLength(bytes: number): void {
    if (bytes === this.download.bytes) return;
    throw new RepositoryError(
      'update-file-invalid',
      `${publicUrl(this.download.url)}: the server sends ${bytes} bytes, the signed metadata states ${this.download.bytes}`,
    );
  }

  #newDigests(): ReadonlyMap<string, Hash> {
    const { url, hashes } = this.download;
    try {
      return new Map(Object.keys(hashes).map((algorithm) => [algorithm, createHash(algorithm)]));
    } catch (cause) {
      const names = Object.keys(hashes).join(', ');
      throw new RepositoryError('update-file-invalid', `${publicUrl(url)}: unknown hash (${names})`, {
        cause,
      });
    }
  }
}

const local = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (thrown) {
    throw localError(path, thrown);
  }
};
