import { createConnection } from 'node:net';

/** Takes the place of sortbin-camera: sends its arguments to the socket of a test, then relays input and output. */
const [path = '', ...args] = process.argv.slice(2);
const socket = createConnection(path);
let isInputOver = false;
socket.write(`${JSON.stringify({ pid: process.pid, args })}\n`);
process.stdin.on('end', () => {
  isInputOver = true;
});
process.stdin.pipe(socket);
socket.pipe(process.stdout);
process.stdout.on('error', () => process.exit(1));
socket.on('error', () => {}).on('close', () => process.exit(isInputOver ? 0 : 1));
