import { createConnection } from 'node:net';

/** Stands where sortbin-io would: what it is told goes to the test, and what the test says is what it says. */
const socket = createConnection(process.argv[2] ?? '');
process.stdin.pipe(socket);
socket.pipe(process.stdout);
socket.on('error', () => {}).on('close', () => process.exit(0));
