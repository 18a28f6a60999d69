/** An open file of a repository. */
export interface FileStream {
  /** Position of the first byte of `body` in the file: the requested one, or 0. */
  readonly offset: number;
  /** Length of the whole file. null: the server does not state it. */
  readonly bytes: number | null;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Opens a file from `offset` on. An aborted signal also ends `body`. @throws RepositoryError */
export type OpenFile = (url: URL, offset: number, signal: AbortSignal) => Promise<FileStream>;
