import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../device/kit/root.js';
import { until } from '../../support/until.js';

/** Emulation on busy cores: a start takes up to three minutes. */
const DEADLINE_MS = 400_000;
const CONFIG = '/etc/sortbin/sortbin.yaml';
const CREDENTIALS = '/etc/sortbin/credentials';

/** Runs a program. @throws Error with its output if it fails */
export const run = (program: string, ...args: string[]): string => {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: exit ${status}\n${stdout}${stderr}`);
  return stdout.trim();
};

/** The bin as the service of a machine with systemd. */
export class InstalledBin {
  /** Installs it, stopped. The variable SORTBIN_DEB names a package to install instead of the project. */
  static install(config: string): InstalledBin {
    const script = join(packageRoot(), 'test/vm/guest/install-bin.sh');
    const deb = process.env.SORTBIN_DEB;
    run(script, packageRoot(), ...(deb === undefined ? [] : [deb]));
    const bin = new InstalledBin();
    bin.configure(config);
    return bin;
  }

  configure(config: string): void {
    writeFileSync(CONFIG, config, { mode: 0o640 });
    chownSync(CONFIG, 0, Number(run('id', '-g', 'sortbin')));
  }

  setCredential(name: string, text: string): void {
    mkdirSync(CREDENTIALS, { recursive: true, mode: 0o700 });
    writeFileSync(join(CREDENTIALS, name), text, { mode: 0o600 });
  }

  systemctl(...words: string[]): string {
    return run('systemctl', ...words);
  }

  property(name: string): string {
    return this.systemctl('show', 'sortbin', '--value', '-p', name);
  }

  /** Starts the unit. Resolves when it is ready. Returns the time from the start of its process, in milliseconds. */
  async start(): Promise<number> {
    this.systemctl('start', '--no-block', 'sortbin');
    await this.untilActive();
    const ready = Number(this.property('ActiveEnterTimestampMonotonic'));
    return (ready - Number(this.property('ExecMainStartTimestampMonotonic'))) / 1_000;
  }

  async stop(): Promise<void> {
    spawnSync('systemctl', ['stop', 'sortbin']);
    spawnSync('systemctl', ['reset-failed', 'sortbin']);
  }

  /** `otherThan`: the main process of an earlier run. */
  async untilActive(otherThan = 0): Promise<void> {
    await this.untilState('active and ready', () => {
      // One answer, because the two change at different times.
      const answer = this.systemctl('show', 'sortbin', '-p', 'ActiveState', '-p', 'MainPID');
      if (/^ActiveState=failed$/m.test(answer)) throw new Error(`the unit has failed\n${this.log(40)}`);
      const pid = Number(/^MainPID=(\d+)$/m.exec(answer)?.[1]);
      return /^ActiveState=active$/m.test(answer) && pid > 0 && pid !== otherThan;
    });
  }

  async untilState(description: string, isTrue: () => boolean): Promise<void> {
    await until(() => `${description}\n${this.log(40)}`, isTrue, DEADLINE_MS);
  }

  get mainPid(): number {
    return Number(this.property('MainPID'));
  }

  /** The processes of the unit, by a part of their command line. */
  processes(name: string): number[] {
    const group = `/sys/fs/cgroup${this.property('ControlGroup')}`;
    if (!existsSync(join(group, 'cgroup.procs'))) return [];
    const pids = readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
    return pids.map(Number).filter((pid) => commandOf(pid).includes(name));
  }

  log(lines: number): string {
    return run('journalctl', '-u', 'sortbin', '-o', 'cat', '--no-pager', '-n', String(lines));
  }

  /** Runs a shell script in the sandbox of the unit, as its user. Returns its output. */
  inSandbox(script: string, limitS = 60): string {
    const output = '/run/sortbin-probe.out';
    const unit = readFileSync('/usr/lib/systemd/system/sortbin.service', 'utf8')
      .replace(/^(Exec|Restart|WatchdogSec|NotifyAccess|Type|Runtime|Timeout).*\n/gm, '')
      .replace(
        '[Service]\n',
        `[Service]\nType=oneshot\nTimeoutStartSec=${limitS}\nStandardOutput=truncate:${output}\nStandardError=null\nExecStart=/bin/bash /run/sortbin-probe.sh\n`,
      );
    writeFileSync('/run/systemd/system/sortbin-probe.service', unit);
    writeFileSync('/run/sortbin-probe.sh', script, { mode: 0o755 });
    this.systemctl('daemon-reload');
    // Its exit status is that of the last command.
    spawnSync('systemctl', ['start', 'sortbin-probe']);
    return readFileSync(output, 'utf8');
  }
}

const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
};

/** The device files of USB devices that are no hubs of the kernel. */
export const usbDevices = (): string[] =>
  readdirSync('/dev/bus/usb').flatMap((bus) =>
    readdirSync(join('/dev/bus/usb', bus)).flatMap((device) =>
      device === '001' ? [] : [join('/dev/bus/usb', bus, device)],
    ),
  );
