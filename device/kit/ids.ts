import { v7 } from 'uuid';

/** Creates an id: a UUIDv7, which sorts by its time of creation. */
export type NewId = () => string;

export const newId: NewId = () => v7();
