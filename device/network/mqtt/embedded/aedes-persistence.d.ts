/** The part of aedes's persistence in memory that BoundedPersistence uses. The package declares no types for this path. */
declare module 'aedes-persistence/asyncPersistence.js' {
  import type { AedesPublishPacket, Client, Subscription } from 'aedes';

  export default class MemoryPersistence {
    storeRetained(packet: Pick<AedesPublishPacket, 'topic' | 'payload'>): Promise<void>;
    addSubscriptions(client: Client, subscriptions: Subscription[]): Promise<void>;
    cleanSubscriptions(client: Pick<Client, 'id'>): Promise<void>;
    outgoingEnqueueCombi(to: { clientId: string }[], packet: AedesPublishPacket): Promise<void>;
    outgoingUpdate(client: Client, packet: object): Promise<void>;
    outgoingClearMessageId(client: Client, packet: { messageId?: number }): Promise<unknown>;
    outgoingStream(client: Client): import('node:stream').Readable;
    incomingStorePacket(client: Client, packet: AedesPublishPacket): Promise<void>;
    cleanIncoming(client: Pick<Client, 'id'>): Promise<void>;
  }
}
