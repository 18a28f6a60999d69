/** A signal of one's own that is aborted with `outer` too; `release` forgets the outer one. */
export interface Linked {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
  release(): void;
}

export const linked = (outer: AbortSignal): Linked => {
  const own = new AbortController();
  const follow = () => own.abort(outer.reason);
  if (outer.aborted) follow();
  else outer.addEventListener('abort', follow, { once: true });
  return {
    signal: own.signal,
    abort: (reason) => own.abort(reason),
    release: () => outer.removeEventListener('abort', follow),
  };
};
