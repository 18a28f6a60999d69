import assert from 'node:assert/strict';
import { chmodSync, chownSync, readFileSync, statSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { until } from '../../support/until.js';
import { GpioSim } from '../guest/gpio-sim.js';
import { InstalledBin, run, usbDevices } from '../guest/installed-bin.js';
import { PwmSim } from '../guest/pwm-sim.js';
import { Vivid } from '../guest/vivid.js';

const DEADLINE_MS = 60_000;
/** The model takes minutes in emulation. */
const MODEL_LIMIT_S = 600;
const SECRET = 'correct horse battery staple';

/** The part of the doctor's report that this test reads. */
interface Report {
  readonly exitCode: number;
  readonly sections: readonly {
    readonly checks: readonly {
      readonly binding?: string;
      readonly serves?: boolean;
      readonly text: string;
    }[];
  }[];
}

/** Runs each command in the sandbox. Returns those that succeed. */
const allowed = (bin: InstalledBin, commands: Readonly<Record<string, string>>): string[] => {
  const lines = Object.entries(commands).map(
    ([name, command]) => `if ( ${command} ) >/dev/null 2>&1; then echo "${name}"; fi`,
  );
  return bin
    .inSandbox(`${lines.join('\n')}\n`)
    .split('\n')
    .filter(Boolean);
};

describe('the sandbox of the unit', { timeout: 20 * DEADLINE_MS }, () => {
  let bin: InstalledBin;
  let sim: GpioSim;
  let pwm: PwmSim;
  const camera = new Vivid();
  const groupOf = (path: string) => statSync(path).gid;
  const untilGroup = (path: string, group: string) => {
    const gid = Number(run('getent', 'group', group).split(':')[2]);
    return until(`${path} has the group ${group}`, () => groupOf(path) === gid, DEADLINE_MS);
  };

  before(async () => {
    bin = InstalledBin.install(`dataDir: /var/lib/sortbin\nvision: { startMs: ${MODEL_LIMIT_S}000 }\n`);
    bin.setCredential('mqtt-password', SECRET);
    sim = GpioSim.create('sandbox', ['gate']);
    pwm = new PwmSim();
    camera.create();
    await untilGroup(`/dev/${sim.chip}`, 'gpio');
    await untilGroup(camera.device, 'video');
  });
  after(() => {
    sim?.remove();
    camera.remove();
  });

  it('can write its state and its temporary folder, and nothing else', () => {
    const writable = allowed(bin, {
      state: 'echo > /var/lib/sortbin/probe && rm /var/lib/sortbin/probe',
      tmp: 'echo > /tmp/probe',
      etc: 'echo > /etc/probe',
      configuration: 'echo >> /etc/sortbin/sortbin.yaml',
      usr: 'echo > /usr/probe',
      program: 'echo > /usr/lib/sortbin/probe',
      'other state': 'echo > /var/lib/probe',
      run: 'echo > /run/probe',
      boot: 'echo > /boot/probe',
      kernel: 'echo 1 > /proc/sys/kernel/sysrq',
      cgroup: 'mkdir /sys/fs/cgroup/probe',
    });
    assert.deepEqual(writable, ['state', 'tmp']);
  });

  it('runs as the user sortbin, without capabilities, and cannot get more', () => {
    const found = allowed(bin, {
      root: '[ "$(id -u)" = 0 ]',
      user: '[ "$(id -un)" = sortbin ]',
      'no capabilities': 'grep -q "^CapBnd:.0000000000000000$" /proc/self/status',
      'no new privileges': 'grep -q "^NoNewPrivs:.1$" /proc/self/status',
      namespace: 'unshare -r true',
      mount: 'mount -t tmpfs none /tmp',
      'real time': 'chrt -f 10 true',
      'load a module': 'modprobe softdog',
      'set the clock': 'date -s 2020-01-01',
      'trace root': 'cat /proc/1/environ',
      home: 'ls /root',
    });
    assert.deepEqual(found, ['user', 'no capabilities', 'no new privileges']);
  });

  it('opens the devices of a bin, and no other', async () => {
    const [usb = ''] = usbDevices();
    // As the udev rule does for a Coral accelerator.
    chownSync(usb, 0, Number(run('getent', 'group', 'plugdev').split(':')[2]));
    chmodSync(usb, 0o660);
    const opened = allowed(bin, {
      gpio: `exec 3<>/dev/${sim.chip}`,
      camera: `exec 3<>${camera.device}`,
      usb: `exec 3<>${usb}`,
      null: 'echo > /dev/null',
      memory: 'exec 3</dev/mem',
      'kernel log': 'exec 3</dev/kmsg',
      input: 'exec 3</dev/input/event0',
      console: 'exec 3<>/dev/console',
      watchdog: 'exec 3<>/dev/watchdog',
      fuse: 'exec 3<>/dev/fuse',
    });
    assert.deepEqual(opened, ['gpio', 'camera', 'usb', 'null']);
  });

  it('lets sortbin-io and sortbin-camera use the devices', () => {
    const native = '/usr/lib/sortbin/deploy/native/linux-x64';
    const output = bin.inSandbox(`${native}/sortbin-io --list; ${native}/sortbin-camera --list\n`);
    assert.match(output, new RegExp(`^chip ${sim.chip} sandbox 1$`, 'm'));
    assert.match(output, new RegExp(`^pwm ${pwm.number} pwm-sim 2 usable$`, 'm'));
    assert.match(output, /vivid/);
    assert.doesNotMatch(output, /unusable/);
  });

  it('drives a GPIO line and a PWM channel', async () => {
    const script = `
io=/usr/lib/sortbin/deploy/native/linux-x64/sortbin-io
{ echo "1 out gate chip ${sim.chip} 0 bound=20000000"; echo "2 on gate 10000000"; sleep 3; echo "3 get gate"; } | $io
# Until udev has given the exported channel to the group.
for try in 1 2 3 4 5; do
  { echo "1 pwm flap ${pwm.number} 0 period=20000 min=500 max=2500 bound=20000000"; sleep 2; echo "2 duty flap 1500 5000000"; sleep 2; } | $io
done
`;
    const output = bin.inSandbox(script);
    assert.match(output, /^3 ok 1$/m);
    assert.match(output, /^2 ok$/m);
    assert.equal(sim.value('gate'), 0);
    assert.match(output, /sortbin-io 1 [\s\S]*1 ok\n2 ok\n(?!.*error)/);
  });

  it('runs the model with both native libraries, and asks for the clock', () => {
    const doctor = 'sortbin doctor -c /etc/sortbin/sortbin.yaml --runtime tflite --json';
    const output = bin.inSandbox(`timedatectl show -p NTPSynchronized --value; ${doctor}\n`, MODEL_LIMIT_S);
    const [, clock, json = ''] = /^(\w+)\n([\s\S]*)$/.exec(output) ?? [];
    assert.ok(clock === 'yes' || clock === 'no', output);
    const { exitCode, sections } = JSON.parse(json) as Report;
    const runtimes = sections.flatMap(({ checks }) => checks.filter(({ binding }) => binding !== undefined));
    assert.deepEqual(
      [exitCode, runtimes.map(({ binding, serves, text }) => (serves ? binding : text))],
      [0, ['litert', 'tensorflowlite']],
    );
  });

  it('passes a secret to the bin, and to no other user', () => {
    const output = bin.inSandbox(`
cat $CREDENTIALS_DIRECTORY/mqtt-password; echo
stat -c %a $CREDENTIALS_DIRECTORY/mqtt-password
cat /etc/sortbin/credentials/mqtt-password && echo readable
echo x > $CREDENTIALS_DIRECTORY/mqtt-password && echo writable
[ "$(cat $CREDENTIALS_DIRECTORY/mqtt-key)" = "" ] && echo no key
`);
    assert.deepEqual(output.split('\n').filter(Boolean), [SECRET, '400', 'no key']);
    assert.throws(() =>
      run('setpriv', '--reuid=nobody', '--clear-groups', 'cat', '/etc/sortbin/credentials/mqtt-password'),
    );
    assert.ok(!readFileSync('/etc/sortbin/sortbin.yaml', 'utf8').includes(SECRET));
  });
});
