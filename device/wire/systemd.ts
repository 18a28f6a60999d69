import { SystemdNotifier, type SystemdOptions } from '../network/systemd/systemd.js';
import { findLibrary } from '../perception/inference/native.js';

/**
 * Returns the notifier of a daemon that a unit of `Type=notify` has started, else null.
 * @throws NativeError if sortbin-notify is missing or damaged
 */
export const wireSystemd = async (
  parts: Pick<SystemdOptions, 'status' | 'liveness' | 'clock' | 'log'>,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<SystemdNotifier | null> => {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: time, WATCHDOG_PID: pid } = environment;
  if (!socket) return null;
  const isWatched = Number(time) > 0 && (pid === undefined || Number(pid) === process.pid);
  const path = await findLibrary({ name: 'sortbin-notify' });
  return new SystemdNotifier({ ...parts, path, socket, watchdogMs: isWatched ? Number(time) / 1_000 : null });
};
