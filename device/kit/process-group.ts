import type { ChildProcess } from 'node:child_process';

/** The leaders of the groups that run, which were spawned detached. */
const leaders = new Set<ChildProcess>();

/**
 * Makes the group of a detached process end with its leader, and with the daemon. A program that the leader has started,
 * for example by a wrapper script, then leaves nothing behind.
 */
export const ownProcessGroup = (leader: ChildProcess): void => {
  if (leader.pid === undefined) return;
  leaders.add(leader);
  leader.on('exit', () => killProcessGroup(leader));
};

/** Kills a group that `ownProcessGroup` has received, once. SIGKILL also ends a stopped or hanging process. */
export const killProcessGroup = (leader: ChildProcess): void => {
  if (!leaders.delete(leader) || leader.pid === undefined) return;
  try {
    process.kill(-leader.pid, 'SIGKILL');
  } catch {
    // No process of the group is left.
  }
};

/** Kills all groups that still run. Call it before an exit that does not stop the parts. */
export const killProcessGroups = (): void => {
  for (const leader of leaders) killProcessGroup(leader);
};
