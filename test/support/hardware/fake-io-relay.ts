import { createConnection } from 'node:net';

/** Takes the place of sortbin-io: relays standard input and output to the socket of a test. */
const socket = createConnection(process.argv[2] ?? '');
process.stdin.pipe(socket);
socket.pipe(process.stdout);
socket.on('error', () => {}).on('close', () => process.exit(0));
