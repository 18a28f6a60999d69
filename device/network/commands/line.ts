import type { Socket } from 'node:net';
import { LINE_BYTES } from './commands.js';

/** The first line that comes; null: the other side ends before, or says more than is allowed. */
export const firstLine = async (socket: Socket): Promise<string | null> => {
  let text = '';
  // Left open: it is to be answered yet.
  const parts = socket.setEncoding('utf8').iterator({ destroyOnReturn: false });
  for await (const part of parts) {
    text += part;
    const end = text.indexOf('\n');
    if (Buffer.byteLength(end < 0 ? text : text.slice(0, end)) > LINE_BYTES) return null;
    if (end >= 0) return text.slice(0, end);
  }
  return null;
};
