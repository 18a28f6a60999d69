import type { IPublishPacket } from 'mqtt';
import { RoughBroker } from '../../support/network/rough-broker.js';
import { cleanups, fastPublisher } from './publisher-kit.js';

type Answer = ReturnType<RoughBroker['behaviour']['puback']>;

/** A broker with an answer for each attempt of an event, counted from 1. It accepts all other messages. */
export const brokerFor = async (answer: (seq: number, attempt: number) => Answer) => {
  const broker = await new RoughBroker().start();
  cleanups.push(() => broker.stop());
  const attempts = new Map<number, number>();
  broker.behaviour.puback = ({ topic, payload }: IPublishPacket) => {
    if (!topic.endsWith('/event')) return 0;
    const seq = Number(JSON.parse(String(payload)).seq);
    attempts.set(seq, (attempts.get(seq) ?? 0) + 1);
    return answer(seq, attempts.get(seq) ?? 0);
  };
  return broker;
};

/** Collects the faults of the messages. */
export const faultsOf = ({ publisher }: Pick<ReturnType<typeof fastPublisher>, 'publisher'>) => {
  const faults: (string | null)[] = [];
  publisher.delivery.onHealth((fault) => faults.push(fault && `${fault.code}: ${fault.message}`));
  return faults;
};

/** Starts a publisher with the real clock and short deadlines, and with events in its outbox. */
export const start = (
  broker: RoughBroker,
  events: number,
  options: Parameters<typeof fastPublisher>[1] = {},
) => {
  const made = fastPublisher(broker.url, options);
  cleanups.push(() => made.publisher.close());
  const faults = faultsOf(made);
  made.outbox.add(events);
  made.publisher.start();
  return { ...made, faults };
};
