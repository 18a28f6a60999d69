import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { initText, referencePage } from '../../../device/config/reference.js';
import { jsonSchema } from '../../../device/config/schema.js';
import { configCommand } from '../../../device/tools/cli/config.js';
import { CLIENT, SERVER } from '../../support/network/certificates.js';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sortbin-command-'));
});
after(() => rm(folder, { recursive: true }));

const run = async (...args: string[]): Promise<{ out: string; err: string; code: unknown }> => {
  const written = { out: '', err: '' };
  const host = {
    stdout: { write: (text: string) => (written.out += text) },
    stderr: { write: (text: string) => (written.err += text) },
    exitCode: undefined as number | undefined,
  };
  await configCommand(host).parseAsync(args, { from: 'user' });
  return { ...written, code: host.exitCode };
};

test('check says that a file is valid', async () => {
  const file = join(folder, 'good.yaml');
  await writeFile(file, 'bin: { id: hall }\n');
  assert.deepEqual(await run('check', file), { out: `${file} is valid\n`, err: '', code: undefined });
  const { out, code } = await run('check', file, '--json');
  assert.deepEqual(JSON.parse(out), { valid: true, problems: [], warnings: [] });
  assert.equal(code, undefined);
});

test('check names the problems on standard error, or as JSON, and exits with 78', async () => {
  const file = join(folder, 'bad.yaml');
  await writeFile(file, 'policy:\n  confidence: 1.4\n');
  const message = 'policy.confidence: 1.4 is not allowed. Use a number from 0 to 1.';
  assert.deepEqual(await run('check', file), { out: '', err: `${file}:2: ${message}\n`, code: 78 });
  const { out, err, code } = await run('check', '--json', file);
  assert.deepEqual(JSON.parse(out), {
    valid: false,
    problems: [
      { path: 'policy.confidence', value: '1.4', allowed: 'a number from 0 to 1', line: 2, message },
    ],
    warnings: [],
  });
  assert.deepEqual([err, code], ['', 78]);
});

test('check refuses files of the broker that the bin could not use, with the lines', async () => {
  const file = join(folder, 'mqtt.yaml');
  await writeFile(join(folder, 'cert.pem'), CLIENT.cert);
  await writeFile(join(folder, 'other.pem'), SERVER.key, { mode: 0o600 });
  const files = ['  passwordFile: none', '  ca: other.pem', '  cert: cert.pem', '  key: other.pem'];
  await writeFile(file, ['mqtt:', '  url: mqtts://broker', '  username: bin', ...files, ''].join('\n'));
  const { err, code } = await run('check', file);
  assert.equal(code, 78);
  const lines = err.trimEnd().split('\n');
  const expected = [
    /mqtt\.yaml:4: mqtt\.passwordFile: cannot read .*\/none: ENOENT.*\. Use a file that the daemon can read/,
    /mqtt\.yaml:5: mqtt\.ca: no certificate in .*\/other\.pem\. Use a PEM file/,
    /mqtt\.yaml:7: mqtt\.key: .*\/other\.pem is not the key of the certificate in .*\/cert\.pem\. Use the two/,
  ];
  assert.equal(lines.length, expected.length, err);
  for (const [index, pattern] of expected.entries()) assert.match(lines[index] ?? '', pattern);
});

test('check accepts a password file that systemd shows only to the service', async () => {
  const file = join(folder, 'service.yaml');
  const passwordFile = '/run/credentials/sortbin.service/mqtt-password';
  await writeFile(file, `mqtt: { url: 'mqtt://broker', username: bin, passwordFile: ${passwordFile} }\n`);
  assert.deepEqual(await run('check', file), { out: `${file} is valid\n`, err: '', code: undefined });
});

test('check refuses what does not fit the model, with the line', async () => {
  const file = join(folder, 'misfit.yaml');
  const cases = [
    [
      'policy:\n  fallback: residul\n',
      /^.*:2: policy\.fallback: "residul" is not a compartment\. Use one of "paper"/,
    ],
    [
      'bin: {}\npolicy: { refuse: [glas] }\n',
      /^.*:2: policy\.refuse: "glas" is not a label of the model\. Use /,
    ],
    [
      'policy:\n  compartments:\n    a: [paper]\n  fallback: a\n',
      /^.*:1: policy: the model's "biological", /,
    ],
    [
      'gate:\n  driver: lines\n  passive: [paper, glass]\n',
      /^.*:1: gate\.compartments: no entry for "packaging", "residual"\. Add one/,
    ],
  ] as const;
  for (const [text, message] of cases) {
    await writeFile(file, text);
    const { out, err, code } = await run('check', file);
    assert.deepEqual([out, code], ['', 78], text);
    assert.match(err, message);
    const { valid, problems } = JSON.parse((await run('check', file, '--json')).out);
    assert.deepEqual([valid, problems.length], [false, 1]);
  }
});

test('check warns of a confidence that has no effect, and of a bundle that cannot be used', async () => {
  const file = join(folder, 'useless.yaml');
  const cases = [
    [
      'policy:\n  confidence: 0.6\n',
      /:2: warning: policy\.confidence: 0\.6 has no effect, because policy\.margin is 0\.9: /,
    ],
    [
      'model: { bundle: nowhere }\n',
      /:1: warning: model\.bundle: labels and compartments were not checked, /,
    ],
  ] as const;
  for (const [text, warning] of cases) {
    await writeFile(file, text);
    const { out, err, code } = await run('check', file);
    assert.deepEqual([out, code], [`${file} is valid\n`, undefined]);
    assert.match(err, warning);
  }
  await writeFile(file, 'policy: { confidence: 0.6, margin: 0.3 }\n');
  assert.equal((await run('check', file)).err, '');
});

test('check warns of an old name on standard error, or as JSON', async () => {
  const file = join(folder, 'old.yaml');
  await writeFile(file, '\nperson: {}\n');
  const message = 'person has the new name panel. Rename it: the next release refuses the old name.';
  const text = await run('check', file);
  assert.deepEqual(text, {
    out: `${file} is valid\n`,
    err: `${file}:2: warning: ${message}\n`,
    code: undefined,
  });
  const json = await run('check', '--json', file);
  assert.deepEqual(JSON.parse(json.out), {
    valid: true,
    problems: [],
    warnings: [{ path: 'person', newPath: 'panel', line: 2, message }],
  });
  assert.equal(json.err, '');
});

test('check of a file that is not there says so', async () => {
  const file = join(folder, 'none.yaml');
  const { err, code } = await run('check', file);
  assert.equal(err, `${file}: file not found. Create one with "sortbin config init".\n`);
  assert.equal(code, 78);
});

test('init writes a file that check finds valid, and never overwrites one', async () => {
  const file = join(folder, 'new.yaml');
  assert.deepEqual(await run('init', file), { out: `${file} written\n`, err: '', code: undefined });
  assert.equal(await readFile(file, 'utf8'), initText());
  assert.equal((await run('check', file)).out, `${file} is valid\n`);

  await writeFile(file, '# mine\n');
  const again = await run('init', file);
  assert.equal(again.err, `${file}: already exists and was not changed. Name another file.\n`);
  assert.equal(again.code, 73);
  assert.equal(await readFile(file, 'utf8'), '# mine\n');
});

test('init into a folder that is not there fails with a reason', async () => {
  const { err, code } = await run('init', join(folder, 'no', 'such.yaml'));
  assert.match(err, /ENOENT/);
  assert.equal(code, 73);
});

test('schema and reference print what they are named after', async () => {
  const schema = await run('schema');
  assert.deepEqual(JSON.parse(schema.out), JSON.parse(JSON.stringify(jsonSchema())));
  assert.deepEqual(await run('reference'), { out: referencePage(), err: '', code: undefined });
});

test('the file is sortbin.yaml where none is named', async () => {
  const before = process.cwd();
  process.chdir(folder);
  try {
    assert.equal((await run('init')).out, 'sortbin.yaml written\n');
    assert.equal((await run('check')).out, 'sortbin.yaml is valid\n');
  } finally {
    process.chdir(before);
  }
});

test('check takes the file as an argument or with --config', async () => {
  const file = join(folder, 'named.yaml');
  await writeFile(file, 'bin: { id: hall }\n');
  assert.equal((await run('check', '--config', file)).out, `${file} is valid\n`);
  assert.equal((await run('check', '-c', file)).out, `${file} is valid\n`);
});

test('init writes a file that only its owner can read, because it may get a password', async () => {
  const file = join(folder, 'private.yaml');
  await run('init', file);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
});

test('check warns of a password that others can read, and of one that a comment cuts', async () => {
  const file = join(folder, 'password.yaml');
  const mqtt = 'mqtt:\n  url: mqtt://broker\n  username: u\n';
  await writeFile(file, `${mqtt}  password: abc #def\n`);
  await chmod(file, 0o644);
  const { out, err, code } = await run('check', '--json', file);
  const cut = 'mqtt.password: ends before " #", which begins a comment. If it contains #, put it in quotes.';
  const readable =
    'mqtt.password: all users of this machine can read the file (mode 0644). Run "chmod 600" on it.';
  assert.deepEqual(JSON.parse(out).warnings, [
    { path: 'mqtt.password', line: 4, message: cut },
    { path: 'mqtt.password', line: 4, message: readable },
  ]);
  assert.deepEqual([err, code], ['', undefined]);
  assert.equal(
    (await run('check', file)).err,
    `${file}:4: warning: ${cut}\n${file}:4: warning: ${readable}\n`,
  );
  await chmod(file, 0o600);
  await writeFile(file, `${mqtt}  password: #s3cret\n`);
  assert.equal((await run('check', file)).err, `${file}:4: warning: ${cut}\n`);
  const urlCut = cut.replace('mqtt.password', 'mqtt.url');
  await writeFile(file, 'mqtt:\n  url: mqtt://u #im@host\n');
  assert.equal((await run('check', file)).err, `${file}:2: warning: ${urlCut}\n`);
  await writeFile(file, 'mqtt:\n  url: mqtt://u:gehe #im@host\n');
  const refused = await run('check', file);
  assert.match(
    refused.err,
    /^.*:2: warning: mqtt\.url: ends before.*\n.*:2: mqtt\.url: "mqtt:\/\/\*\*\*" is not allowed/,
  );
  assert.doesNotMatch(refused.err, /gehe/);
  await writeFile(file, 'mqtt:\n  url: mqtt://hall #the broker\n');
  assert.equal((await run('check', file)).err, '');
  for (const password of [
    '"abc #def"',
    "'abc' # of the hall",
    'abc#def',
    'null',
    '# of the hall',
    'null #none',
    '',
  ]) {
    await writeFile(file, `${mqtt}  password: ${password}\n`);
    assert.equal((await run('check', file)).err, '', password);
  }
  await writeFile(file, 'mqtt: { url: "mqtt://u:p@broker" }\n');
  await chmod(file, 0o644);
  assert.match((await run('check', file)).err, /:1: warning: mqtt\.url: all users/);
});

test('check warns of a password file and of a key that others can read, and of a missing one only as an error', async () => {
  const file = join(folder, 'files.yaml');
  const mqtt =
    'mqtt:\n  url: mqtts://broker\n  username: u\n  passwordFile: mqtt-password\n  cert: c.pem\n  key: k.pem\n';
  await writeFile(file, mqtt);
  assert.doesNotMatch((await run('check', file)).err, /warning/);
  const files = { 'mqtt-password': 'secret\n', 'k.pem': CLIENT.key, 'c.pem': CLIENT.cert };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text);
    await chmod(join(folder, name), 0o644);
  }
  const { err, code } = await run('check', file);
  const warning = (line: number, key: string, name: string) =>
    `${file}:${line}: warning: mqtt.${key}: all users of this machine can read ${name} (mode 0644). Run "chmod 600" on it.\n`;
  assert.equal(err, warning(4, 'passwordFile', 'mqtt-password') + warning(6, 'key', 'k.pem'));
  assert.equal(code, undefined);
  for (const name of ['mqtt-password', 'k.pem']) await chmod(join(folder, name), 0o600);
  assert.equal((await run('check', file)).err, '');
});
