import type { BinEvent } from '../cycle/event.js';
import type { Observer } from '../cycle/observer.js';
import type { Policy } from '../cycle/policy.js';
import type { Publisher } from '../network/mqtt/mqtt.js';
import type { ModelSlot } from '../perception/model/model.js';
import type { UpdateStatus } from '../update/status.js';
import type { UpdateMessage } from '../update/status-schema.js';
import type { Updater } from '../update/updater.js';
import type { WiredUpdates } from '../wire/update.js';

/** The faults of an item that its model can have caused. */
const RUNTIME_FAULTS: ReadonlySet<string> = new Set([
  'vision-died',
  'vision-timeout',
  'vision-down',
  'vision-failed',
]);

/** Tells the updater how the active model does, and publishes the state of updates. */
export class UpdateObserver implements Observer {
  constructor(
    private readonly updates: Pick<WiredUpdates, 'onStatus'> & {
      readonly updater: Pick<Updater, 'status' | 'itemDone'>;
    },
    private readonly model: Pick<ModelSlot<Policy>, 'active'>,
    publisher: Pick<Publisher, 'retain'>,
  ) {
    const publish = (status: UpdateStatus) => publisher.retain('update', payloadOf(status));
    publish(updates.updater.status());
    updates.onStatus(publish);
  }

  event({ outcome, fault, decision, model }: BinEvent): void {
    const isFault = outcome === 'failed' && fault !== null && RUNTIME_FAULTS.has(fault.code);
    if (!isFault && decision === null) return;
    const { name, version } = model ?? this.model.active.bundle.manifest;
    this.updates.updater.itemDone({ name, version }, isFault);
  }
}

const payloadOf = ({
  phase,
  current,
  isFactory,
  previous,
  candidate,
  progress,
  available,
  isPinned,
  last,
}: UpdateStatus): UpdateMessage => ({
  schema: 1,
  phase,
  installed: current,
  factory: isFactory,
  previous,
  candidate,
  progress,
  available,
  pinned: isPinned,
  last,
});
