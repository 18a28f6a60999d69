import { v7 } from 'uuid';

/** Makes ids: UUIDv7, so that they sort by the time at which they were made. */
export type NewId = () => string;

export const newId: NewId = () => v7();
