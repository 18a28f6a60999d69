import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { parseConfig } from '../../device/config/load.js';
import { lockFolder } from '../../device/journal/lock.js';
import { FakeIo } from '../support/hardware/fake-io.js';
import { AedesBroker } from '../support/network/aedes-broker.js';
import { inFolder, MAIN, Sortbin } from '../support/sortbin.js';
import { Terminal } from '../support/terminal.js';
import { until } from '../support/until.js';

const SIMULATED = `# keep this line
vision: { driver: simulated }
lines: { driver: simulated }
trigger: { driver: command }
gate: { driver: simulated, moveMs: 10 }
`;

const readConfigText = (folder: string) => readFile(join(folder, 'sortbin.yaml'), 'utf8');

/** Runs setup with answers and returns its report. */
const runAnswers = async (folder: string, answers: string, ...flags: string[]) => {
  await writeFile(join(folder, 'answers.yaml'), answers);
  const command = new Sortbin(['setup', '--answers', 'answers.yaml', '--json', ...flags], folder);
  const code = await command.ended();
  const report = command.output.length > 0 ? JSON.parse(command.output.join('\n')) : null;
  interface Reported {
    readonly step: string;
    readonly outcome: string;
    readonly lines: readonly string[];
    readonly fault?: { readonly code: string; readonly message: string };
  }
  const steps: readonly Reported[] = report?.steps ?? [];
  const stepOf = (name: string) => steps.find(({ step }) => step === name);
  return { code, report, stepOf, stderr: command.stderr };
};

describe('sortbin setup --answers', () => {
  it('writes the answers, tests each step, and sorts a test item', async (test) => {
    const broker = await new AedesBroker().start();
    test.after(() => broker.stop());
    await inFolder(SIMULATED, async (folder) => {
      const answers = `bin: { id: hall }\ncamera: { driver: simulated }\nmqtt: { url: '${broker.url}' }\n`;
      const { code, report, stepOf } = await runAnswers(folder, answers, '--test-item');
      assert.deepEqual([code, report.exitCode, report.changed], [0, 0, true]);
      assert.deepEqual(
        report.steps.map(({ step, outcome }: { step: string; outcome: string }) => `${step} ${outcome}`),
        [
          'bin done',
          'camera unchanged',
          'sensor skipped',
          'compartments skipped',
          'gate skipped',
          'broker done',
          'test done',
        ],
      );
      assert.deepEqual(stepOf('test')?.lines, ['sorted: paper 0.95, confident, compartment paper.']);
      assert.match(stepOf('camera')?.lines.join('\n') ?? '', /image 3, 512x384: sharpness/);
      assert.deepEqual(broker.payloads('setup'), ['{"test":"sortbin setup"}']);
      const text = await readConfigText(folder);
      assert.ok(text.startsWith(SIMULATED), text);
      assert.match(text, /\nbin:\n {2}id: hall\n/);
      assert.equal((await stat(join(folder, 'sortbin.yaml'))).mode & 0o777, 0o640);
      assert.equal(await readFile(join(folder, 'sortbin.yaml.bak'), 'utf8'), SIMULATED);
      assert.ok(!(await readdir(folder)).includes('data'), 'the data folder stays as it was');
    });
  });

  it('changes nothing at the second run', () =>
    inFolder(SIMULATED, async (folder) => {
      const answers = 'bin: { id: hall }\npolicy: { preset: four-way, margin: 0.4 }\n';
      await runAnswers(folder, answers, '--no-check');
      const before = [await readConfigText(folder), (await stat(join(folder, 'sortbin.yaml'))).ino];
      const { code, report, stepOf } = await runAnswers(folder, answers, '--no-check');
      assert.deepEqual([code, report.changed, stepOf('bin')?.outcome], [0, false, 'unchanged']);
      assert.deepEqual(
        [await readConfigText(folder), (await stat(join(folder, 'sortbin.yaml'))).ino],
        before,
      );
    }));

  it('creates the file that SORTBIN_CONFIG names, from --set alone', () =>
    inFolder('', async (folder) => {
      const args = [
        'setup',
        '--set',
        'bin.id=hall',
        '--set',
        'gate={driver: simulated, moveMs: 5}',
        '--no-check',
      ];
      const command = new Sortbin(args, folder, { SORTBIN_CONFIG: 'new.yaml' });
      assert.equal(await command.ended(), 0);
      assert.match(command.text, /bin +done, not tested/);
      assert.match(
        command.text,
        /Simulated: camera, sensor, gate\. To use real ones, run "sortbin setup --config/,
      );
      assert.match(await readFile(join(folder, 'new.yaml'), 'utf8'), /bin:\n {2}id: hall\n.*moveMs: 5\n/s);
    }));

  it('names each wrong answer with its line, its value and what is allowed, and writes nothing', () =>
    inFolder(SIMULATED, async (folder) => {
      const answers =
        'bin:\n  id: Hall!\ngate:\n  driver: servoo\nbroker: { url: x }\nmqtt: { password: s3cret }\n';
      const { code, stderr } = await runAnswers(folder, answers);
      assert.equal(code, 78);
      assert.match(
        stderr,
        /answers\.yaml:2: bin\.id: "Hall!" is not allowed\. Use a name of 1 to 63 characters/,
      );
      assert.match(stderr, /answers\.yaml:4: gate\.driver: "servoo" is not allowed\. Use one of "simulated"/);
      assert.match(stderr, /answers\.yaml:5: broker: unknown key\. .*Allowed keys: bin, /);
      assert.match(stderr, /answers\.yaml:6: mqtt\.password: \*\*\* is not allowed without a username/);
      assert.equal(await readConfigText(folder), SIMULATED);
    }));

  it('adds single answers to the sections of the file', () =>
    inFolder(
      `${SIMULATED.replace(/gate.*/, '')}gate: { driver: lines, passive: [paper, glass, packaging, residual] }
mqtt: { url: 'mqtt://b.example', username: u, password: old }
`,
      async (folder) => {
        const set = ['--set', 'gate.lid.line=GPIO4'];
        const { code, stderr } = await runAnswers(folder, 'mqtt: { password: new }\n', '--no-check', ...set);
        assert.equal(code, 0, stderr);
        const text = await readConfigText(folder);
        assert.match(text, /gate: \{ driver: lines, .*line: GPIO4/s);
        assert.match(text, /username: u, password: new \}/);
        await runAnswers(folder, 'mqtt: null\ngate: null\n', '--no-check');
        assert.doesNotMatch(await readConfigText(folder), /mqtt|gate/);
        const wrong = await runAnswers(folder, 'bin: { id: a }\n', '--no-check', '--set', 'bin.naem=x');
        assert.deepEqual(
          [wrong.code, /bin\.naem: unknown key\. Did you mean bin\.?name/.test(wrong.stderr)],
          [78, false],
        );
        assert.match(
          wrong.stderr,
          /^sortbin: answers\.yaml:\d+: bin\.naem: unknown key\. Did you mean name\?/m,
        );
      },
    ));

  it('takes a password as it is, and never shows it', async () => {
    for (const password of ['@s3cret', '%x', '{s3', "'x", '*s3cret', 'ab #cd', '&s3cret', 's3: cret'])
      await inFolder(SIMULATED, async (folder) => {
        const login = ['mqtt.url=mqtt://b.example', 'mqtt.username=hall', `mqtt.password=${password}`];
        const command = new Sortbin(
          ['setup', '--no-check', ...login.flatMap((one) => ['--set', one])],
          folder,
        );
        assert.equal(await command.ended(), 0, command.text);
        assert.ok(!command.text.includes(password));
        const { mqtt } = parseConfig(await readConfigText(folder), 'test');
        assert.equal(mqtt.password, password);
      });
  });

  it('refuses a wrong form and wrong YAML of --set, without its value', () =>
    inFolder(SIMULATED, async (folder) => {
      for (const [text, code] of [
        ['=s3cret', 64],
        ['s3cret', 64],
        ['gate=*s3cret', 78],
        ['gate={s3cret', 78],
        ['mqtt=s3cret', 78],
        ['mqtt.passwort=s3cret', 78],
      ] as const) {
        const command = new Sortbin(['setup', '--no-check', '--set', text], folder);
        assert.equal(await command.ended(), code, command.text);
        assert.doesNotMatch(command.text, /s3cret|at .*:\d+:\d+/);
      }
      assert.equal(await readConfigText(folder), SIMULATED);
    }));

  it('warns of answers with a password that a comment cuts, or that all users can read', () =>
    inFolder(SIMULATED, async (folder) => {
      const answers = "mqtt: { url: 'mqtt://b.example', username: u }\n";
      const text = answers.replace(' }', ', password: "p" }');
      const { stderr } = await runAnswers(folder, text, '--no-check');
      assert.match(stderr, /answers\.yaml:1: warning: mqtt\.password: all users of this machine can read/);
      const cut = 'mqtt:\n  url: mqtt://b.example\n  username: u\n  password: ab #cd\n';
      assert.match((await runAnswers(folder, cut, '--no-check')).stderr, /yaml:4: .*ends before " #"/);
    }));

  it('refuses compartments that do not fit the model or the gate, also without tests', () =>
    inFolder(SIMULATED, async (folder) => {
      const wrong = 'policy: { compartments: { residual: [papier] } }\n';
      const first = await runAnswers(folder, wrong, '--no-check');
      assert.equal(first.code, 78);
      assert.match(first.stderr, /policy\.compartments\.residual: "papier" is not a label of the model/);
      const second = await runAnswers(folder, 'gate: { driver: lines, passive: [paper] }\n', '--no-check');
      assert.equal(second.code, 78);
      assert.match(second.stderr, /gate\.compartments: no entry for "glass", "packaging", "residual"/);
      assert.equal(await readConfigText(folder), SIMULATED);
    }));

  it('reports a missing camera, an unreachable broker and a held line, and keeps the answers', async (test) => {
    const io = await new FakeIo().start();
    test.after(() => io.stop());
    io.respond = (words) => (words.startsWith('in ') ? 'error busy other-program' : 'rules');
    await inFolder(`vision: { driver: simulated }\nlines: { program: ${io.path} }\n`, async (folder) => {
      const answers =
        'camera: { driver: v4l2, device: /dev/video99 }\ntrigger: { driver: line, input: { line: GPIO23 } }\n' +
        "mqtt: { url: 'mqtt://127.0.0.1:1' }\n";
      const { code, stepOf } = await runAnswers(folder, answers);
      assert.equal(code, 69);
      assert.match(stepOf('camera')?.fault?.message ?? '', /\/dev\/video99/);
      assert.match(stepOf('sensor')?.fault?.message ?? '', /"sensor" .*another process holds/);
      assert.match(stepOf('broker')?.fault?.message ?? '', /^mqtt: broker-unreachable: .*127\.0\.0\.1:1/);
      assert.match(await readConfigText(folder), /device: \/dev\/video99/);
    });
  });

  it('reports a wrong password by name', async (test) => {
    const { port } = await refusingBroker(test);
    await inFolder(SIMULATED, async (folder) => {
      const answers = `mqtt: { url: 'mqtt://127.0.0.1:${port}', username: hall, password: wrong }\n`;
      const { code, stepOf } = await runAnswers(folder, answers);
      assert.equal(code, 69);
      const { message = '' } = stepOf('broker')?.fault ?? {};
      assert.match(message, /^mqtt: connect-refused: /);
      assert.doesNotMatch(message, /wrong/);
    });
  });

  it('uses the password that the service would load as a credential', async (test) => {
    const { port, connects } = await refusingBroker(test);
    await inFolder(SIMULATED, async (folder) => {
      await mkdir(join(folder, 'credentials'));
      await writeFile(join(folder, 'credentials', 'mqtt-password'), 'from-the-file\n');
      await runAnswers(folder, `mqtt: { url: 'mqtt://127.0.0.1:${port}', username: hall }\n`);
      assert.ok(connects[0]?.includes('from-the-file'));
      assert.doesNotMatch(await readConfigText(folder), /password/);
    });
  });

  it('reports the finished steps when a signal ends a test', () =>
    inFolder(SIMULATED, async (folder) => {
      const server = createServer(() => {}).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const connected = once(server, 'connection');
      await writeFile(
        join(folder, 'answers.yaml'),
        `bin: { id: a }\nmqtt: { url: 'mqtt://127.0.0.1:${port}' }\n`,
      );
      const command = new Sortbin(['setup', '--answers', 'answers.yaml', '--json'], folder);
      await connected;
      command.kill('SIGTERM');
      assert.equal(await command.ended(), 143);
      const { exitCode, changed, steps } = JSON.parse(command.output.join('\n'));
      assert.deepEqual([exitCode, changed, steps[0].outcome, steps.at(-1).step], [143, true, 'done', 'gate']);
      server.close();
    }));

  it('exits with 73 if the file cannot be edited, and with 78 if it is no file', () =>
    inFolder('{ bin: { id: a } }\n', async (folder) => {
      const set = ['setup', '--no-check', '--set', 'bin.id=b'];
      assert.equal(await new Sortbin(set, folder).ended(), 73);
      assert.equal(await new Sortbin([...set, '--config', '.'], folder).ended(), 78);
    }));

  it('says how to stop a running bin', () =>
    inFolder(SIMULATED, async (folder) => {
      await mkdir(join(folder, 'data'));
      const unlock = lockFolder(join(folder, 'data'));
      await writeFile(join(folder, 'answers.yaml'), 'camera: { driver: simulated, delayMs: 1 }\n');
      const command = new Sortbin(['setup', '--answers', 'answers.yaml', '--yes'], folder);
      assert.equal(await command.ended(), 69);
      assert.match(command.text.replaceAll(/\s+/g, ' '), /the bin of .*data runs\..* Stop it with /);
      unlock();
    }));

  it('refuses to ask without a terminal', () =>
    inFolder(SIMULATED, async (folder) => {
      const command = new Sortbin(['setup'], folder);
      assert.deepEqual([await command.ended(), command.output], [66, []]);
      assert.match(
        command.stderr,
        /no terminal to ask on\. Run it on a terminal, use ssh -t, or use --answers FILE/,
      );
    }));
});

/** A broker that refuses each login with the return code 5 of MQTT 3.1.1, or the reason 0x86 of MQTT 5. */
const refusingBroker = async (test: TestContext) => {
  const connects: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (connect) => {
      connects.push(connect);
      const isVersion5 = connect[connect.indexOf('MQTT') + 4] === 5;
      socket.end(isVersion5 ? Buffer.from([0x20, 3, 0, 0x86, 0]) : Buffer.from([0x20, 2, 0, 5]));
    });
  });
  test.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : 0, connects };
};

const CHOICE = /Choice \[1\]: $/;
const ENTER = '\r';

describe('sortbin setup, on a terminal', () => {
  it('leads from the name of the bin to a sorted test item', async (test) => {
    const io = await new FakeIo().start();
    test.after(() => io.stop());
    const broker = await new AedesBroker().start();
    test.after(() => broker.stop());
    await inFolder(
      `# mine\nvision: { driver: simulated }\nlines: { program: ${io.path} }\n`,
      async (folder) => {
        const terminal = new Terminal(test, `NO_COLOR=1 ${MAIN} setup`, folder);
        const next = () => terminal.type(CHOICE, ENTER);
        await next();
        await terminal.type(/Id \[bin\]: $/, `hall${ENTER}`);
        await terminal.type(/Name for people \[Sorting bin\]: $/, `Hall${ENTER}`);
        await next();

        await next();
        await terminal.type(/Camera \[\d+\]: $/, `simulated${ENTER}`);
        await terminal.type(/Write an image to camera\.jpg\? \(y\/n\) \[y\]: $/, ENTER);
        await next();

        await next();
        await terminal.type(/Sensor \[6\]: $/, `beam${ENTER}`);
        await terminal.type(/Line of the sensor \[GPIO23\]: $/, ENTER);
        await terminal.type(/Is the level low .* \[y\]: $/, ENTER);
        // What is typed during a test answers no question.
        await terminal.type(/within 30 seconds\.\s*$/, `again${ENTER}`);
        io.press('sensor', true);
        await terminal.type(/Item detected \(beam\)\.[\s\S]*Choice \[1\]: $/, ENTER);

        await next();
        await terminal.type(/Compartments \[1\]: $/, `own${ENTER}`);
        await terminal.type(/Names of the compartments [\s\S]*: $/, `paper packaging residual${ENTER}`);
        await terminal.type(/Labels of paper \[none\]: $/, `paper cardboard${ENTER}`);
        await terminal.type(/Labels of packaging \[none\]: $/, `plastic metal${ENTER}`);
        await terminal.type(/Labels of residual \[[\s\S]*: $/, ENTER);
        await terminal.type(/Compartment for uncertain items \[residual\]: $/, ENTER);
        await next();

        await next();
        await terminal.type(/Gate \[4\]: $/, `flap${ENTER}`);
        await terminal.type(/without a move \[3\]: $/, ENTER);
        await terminal.type(/Output of paper \[GPIO17\]: $/, ENTER);
        await terminal.type(/Output of packaging \[GPIO27\]: $/, `22${ENTER}`);
        await terminal.type(/Line of the lid switch \[GPIO5\]: $/, ENTER);
        await terminal.type(/Line of the home switch \[GPIO6\]: $/, `none${ENTER}`);
        await terminal.type(/Calibrate the gate now\? \(y\/n\) \[y\]: $/, ENTER);
        await terminal.type(/after the last key\.\s*$/, 'q');
        await next();

        await next();
        await terminal.type(/Broker \[1\]: $/, `own${ENTER}`);
        await terminal.type(/URL: .*: $/, `${broker.url}${ENTER}`);
        await terminal.type(/User name, or none \[none\]: $/, `hall${ENTER}`);
        await terminal.type(/Password: $/, `s3cret${ENTER}`);
        await next();

        await next();
        await terminal.type(/Put in an item, then press Enter: $/, ENTER);
        await terminal.type(
          /sorted: paper 0\.95, confident, compartment paper\.[\s\S]*Choice \[1\]: $/,
          ENTER,
        );
        assert.equal(await terminal.ended(), 0);

        const text = await readConfigText(folder);
        assert.match(text, /^# mine\nvision: \{ driver: simulated \}\n/);
        assert.match(
          text,
          /trigger:\n {2}driver: line\n {2}source: beam\n {2}input:\n {4}line: GPIO23\n {4}activeLow: true\n/,
        );
        assert.match(
          text,
          /gate:\n {2}driver: lines\n {2}compartments:\n {4}paper:\n {6}output:\n {8}line: GPIO17\n/,
        );
        assert.match(text, /passive: \[ residual \]\n {2}lid:\n {4}line: GPIO5\n {4}bias: pull-up\n/);
        assert.match(text, /password: s3cret\n/);
        assert.doesNotMatch(terminal.text, /s3cret/);
        assert.match(terminal.text, /Start the bin with "/);
        assert.ok((await readdir(folder)).includes('camera.jpg'));
        assert.deepEqual(broker.payloads('setup'), ['{"test":"sortbin setup"}']);
        // The gate moved to the compartment of the item.
        assert.ok(io.commands.some((words) => words.startsWith('on gate-paper ')));
        const printed = stripVTControlCharacters(terminal.text).split('\r\n');
        assert.deepEqual(
          printed.filter((line) => line.length > 80 && !line.includes(']: ')),
          [],
        );
      },
    );
  });

  it('keeps the last finished step after Ctrl-C, and skips a step', (test) =>
    inFolder(SIMULATED, async (folder) => {
      const terminal = new Terminal(test, `${MAIN} setup --step bin gate broker`, folder);
      await terminal.type(CHOICE, ENTER);
      await terminal.type(/Id \[bin\]: $/, `hall${ENTER}`);
      await terminal.type(/Name for people .*: $/, ENTER);
      await terminal.type(CHOICE, `again${ENTER}`);
      await terminal.type(/Id \[hall\]: $/, `yard${ENTER}`);
      await terminal.type(/Name for people .*: $/, ENTER);
      await terminal.type(CHOICE, ENTER);
      await terminal.type(CHOICE, `skip${ENTER}`);
      await terminal.type(CHOICE, ENTER);
      await terminal.type(/Broker \[1\]: $/, '\u0003');
      assert.equal(await terminal.ended(), 130);
      assert.match(terminal.text, /interrupted\. .*sortbin\.yaml is as it was after the last finished step/);
      assert.equal(await readConfigText(folder), `${SIMULATED}bin:\n  id: yard\n  name: Sorting bin\n`);
    }));

  it('keeps values that are written by hand with Enter alone', (test) => {
    const text = `vision: { driver: simulated }
lines: { driver: simulated }
trigger: { driver: interval } # mine
policy: { preset: four-way, fallback: packaging, refuse: [battery, shoes] }
gate:
  driver: lines
  compartments: { paper: { output: { line: GPIO17 } }, glass: { output: { line: GPIO27 } } }
  passive: [packaging, residual]
  home: { line: GPIO6, activeLow: false }
`;
    return inFolder(text, async (folder) => {
      const steps = ['sensor', 'compartments', 'gate'];
      const terminal = new Terminal(test, `${MAIN} setup --no-check --step ${steps.join(' ')}`, folder);
      for (const _ of steps) {
        await terminal.type(/keep these values[\s\S]*Choice \[1\]: $/, ENTER);
        await terminal.type(/continue[\s\S]*Choice \[1\]: $/, ENTER);
      }
      assert.equal(await terminal.ended(), 0);
      assert.equal(await readConfigText(folder), text);
    });
  });

  it('keeps the last finished step after Ctrl-C in a test', (test) =>
    inFolder(SIMULATED, async (folder) => {
      const terminal = new Terminal(test, `${MAIN} setup --step sensor`, folder);
      await terminal.type(CHOICE, `2${ENTER}`);
      await terminal.type(/Sensor \[5\]: $/, `beam${ENTER}`);
      await terminal.type(/Line of the sensor \[GPIO23\]: $/, ENTER);
      await terminal.type(/Is the level low .* \[y\]: $/, ENTER);
      await terminal.type(/within 30 seconds\.\s*$/, '\u0003');
      assert.equal(await terminal.ended(), 130);
      assert.equal(await readConfigText(folder), SIMULATED);
    }));

  it('explains a failed test, repeats the step, and ends when the input ends', (test) =>
    inFolder(SIMULATED, async (folder) => {
      const terminal = new Terminal(test, `${MAIN} setup --step broker`, folder);
      await terminal.type(CHOICE, ENTER);
      await terminal.type(/Broker \[1\]: $/, `own${ENTER}`);
      await terminal.type(/URL: .*: $/, `mqtt://127.0.0.1:1${ENTER}`);
      await terminal.type(/User name, or none \[none\]: $/, ENTER);
      await terminal.type(/This step has failed: mqtt: broker-unreachable:[\s\S]*Choice \[1\]: $/, ENTER);
      await terminal.type(/Broker \[2\]: $/, '\u0004');
      assert.equal(await terminal.ended(), 130);
      assert.equal(await readConfigText(folder), SIMULATED);
    }));

  it('ends without a stack trace when its terminal is closed', (test) =>
    inFolder(SIMULATED, async (folder) => {
      const script = `trap "" HUP; ${MAIN} setup --step bin 2>errors; echo $? >code; : >ended`;
      const terminal = new Terminal(test, `sh -c '${script}'`, folder);
      await terminal.type(CHOICE, ENTER);
      await terminal.type(/Id \[bin\]: $/, '');
      terminal.hangUp();
      await until('setup has ended', () => existsSync(join(folder, 'ended')));
      assert.match(await readFile(join(folder, 'code'), 'utf8'), /^(129|130)\n$/);
      assert.doesNotMatch(await readFile(join(folder, 'errors'), 'utf8'), /EIO|at .*:\d+:\d+/);
    }));

  it('asks before it writes the answers of a file', (test) =>
    inFolder(SIMULATED, async (folder) => {
      await writeFile(join(folder, 'answers.yaml'), 'bin: { id: hall }\n');
      const terminal = new Terminal(test, `${MAIN} setup --answers answers.yaml`, folder);
      await terminal.type(/Write them into .*\? \(y\/n\) \[y\]: $/, `n${ENTER}`);
      assert.equal(await terminal.ended(), 0);
      assert.equal(await readConfigText(folder), SIMULATED);
      assert.equal(await new Sortbin(['setup', '--answers', 'answers.yaml', '--yes'], folder).ended(), 0);
      assert.match(await readConfigText(folder), /id: hall/);
    }));
});
