import { pathToFileURL } from 'node:url';
import { messageOf } from '../../../kit/errors.js';
import type { StillArguments } from './still.js';

// The process in which the package node-libcamera takes one still. The package passes a command to a shell. In its own
// process group, package, shell and rpicam-still can be killed together.

const [, , packagePath = '', json = '{}'] = process.argv;

/** The used part of node-libcamera 1.0.6. */
interface NodeLibcamera {
  readonly default: { still(options: StillArguments): Promise<string> };
}

try {
  const loaded: NodeLibcamera = await import(pathToFileURL(packagePath).href);
  await loaded.default.still(JSON.parse(json));
} catch (thrown) {
  process.stderr.write(`${messageOf(thrown)}\n`);
  // The exit code of the shell shows whether rpicam-still was executed.
  const { code } = Object(thrown);
  process.exitCode = typeof code === 'number' && code > 0 ? code : 1;
}
