import type { Clock } from '../kit/clock.js';
import { orAborted } from '../kit/deadline.js';
import type { Answer, Fault } from '../kit/errors.js';
import type { Catalogue, Repository, RepositoryFault } from './repository/repository.js';

/** Refreshes repositories, one at a time, because all of them share the stored metadata. */
export class Refresher {
  /** Wall time of the last success since the start. */
  checkedAtMs: number | null = null;
  /** The newest catalogue of the configured repository. */
  catalogue: Catalogue | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly clock: Clock,
    /** The repository of the configuration, whose faults are reported. */
    private readonly configured: Repository,
    private readonly onFault: (fault: Fault<RepositoryFault> | null) => void,
  ) {}

  /** Rejects with the signal's reason if the signal is aborted first. */
  async refresh(repository: Repository, signal: AbortSignal): Promise<Answer<Catalogue, RepositoryFault>> {
    const turn = this.#last.then(() => {
      signal.throwIfAborted();
      return repository.refresh(signal);
    });
    this.#last = turn.catch(() => {});
    const answer = await orAborted(turn, signal);
    if (answer.ok) this.checkedAtMs = this.clock.wallMs();
    if (repository === this.configured) {
      if (answer.ok) this.catalogue = answer.value;
      this.onFault(answer.ok ? null : answer.fault);
    }
    return answer;
  }
}
