import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { initText, referencePage } from '../../../device/config/reference.js';
import { jsonSchema } from '../../../device/config/schema.js';
import { configCommand } from '../../../device/tools/cli/config.js';

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

test('the file is sortbin.yaml where none is named', () => {
  for (const name of ['check', 'init']) {
    const found = configCommand().commands.find((command) => command.name() === name);
    assert.equal(found?.registeredArguments[0]?.defaultValue, 'sortbin.yaml');
  }
});
