import assert from 'node:assert/strict';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { readConfigText } from '../../../device/config/config-text.js';
import { parseConfig } from '../../../device/config/load.js';
import { ConfigFile } from '../../../device/tools/setup/config-file.js';

const folder = mkdtempSync(join(tmpdir(), 'config-file-'));
after(() => rmSync(folder, { recursive: true }));

let count = 0;
/** The format that the command line passes. */
const format = { read: readConfigText, parse: (text: string) => parseConfig(text, 'test') };

const open = async (text: string | Buffer | null) => {
  const path = join(folder, `${++count}.yaml`);
  if (text !== null) writeFileSync(path, text, { mode: 0o644 });
  return { path, file: await ConfigFile.open(path, format) };
};

describe('ConfigFile', () => {
  it('creates a file that the group may read, without a backup', async () => {
    const { path, file } = await open(null);
    assert.equal(file.config.bin.id, 'bin');
    assert.equal(file.write({ bin: { id: 'hall' } }), true);
    assert.equal(file.config.bin.id, 'hall');
    assert.match(readFileSync(path, 'utf8'), /^# Written by sortbin setup.*\nbin:\n {2}id: hall\n$/);
    assert.equal(statSync(path).mode & 0o777, 0o640);
    file.write({ bin: { id: 'yard' } });
    assert.ok(!readdirSync(folder).includes(`${count}.yaml.bak`));
  });

  it('keeps the file from before the first write as a backup', async () => {
    const { path, file } = await open('bin: { id: a } # first\n');
    file.write({ bin: { id: 'b' } });
    file.write({ bin: { id: 'c' } });
    assert.equal(readFileSync(`${path}.bak`, 'utf8'), 'bin: { id: a } # first\n');
    assert.equal(readFileSync(path, 'utf8'), 'bin: { id: c } # first\n');
    assert.deepEqual(
      [path, `${path}.bak`].map((name) => statSync(name).mode & 0o777),
      [0o640, 0o640],
    );
  });

  it('writes nothing if each value is present, or if a value is not allowed', async () => {
    const { path, file } = await open('bin: { id: a }\n');
    assert.equal(file.write({ bin: { id: 'a' } }), false);
    assert.throws(() => file.write({ bin: { id: 'A!' } }), /bin\.id: "A!" is not allowed/);
    assert.throws(() => file.preview({ bim: { id: 'a' } }), /bim: unknown key\. Did you mean bin\?/);
    assert.equal(statSync(path).mode & 0o777, 0o644);
    assert.equal(readFileSync(path, 'utf8'), 'bin: { id: a }\n');
  });

  it('changes the target of a symbolic link', async () => {
    const { path } = await open('bin: { id: a }\n');
    const link = join(folder, 'link.yaml');
    symlinkSync(path, link);
    (await ConfigFile.open(link, format)).write({ bin: { id: 'b' } });
    assert.equal(readFileSync(path, 'utf8'), 'bin: { id: b }\n');
  });

  it('refuses a file that another program has changed meanwhile', async () => {
    const { path, file } = await open('bin: { id: a }\n');
    writeFileSync(path, 'bin: { id: z }\n');
    assert.throws(() => file.write({ bin: { id: 'b' } }), /not changed\. another program changed the file/);
    assert.equal(readFileSync(path, 'utf8'), 'bin: { id: z }\n');
  });

  it('refuses an edit that would change another section through an anchor', async () => {
    const text = 'fill: { driver: simulated, fullPercent: &p 80 }\ncycle: { stillThereLimit: *p }\n';
    const { path, file } = await open(text);
    assert.throws(() => file.write({ fill: { fullPercent: 85 } }), { code: 'setup-file' });
    assert.equal(readFileSync(path, 'utf8'), text);
  });

  it('refuses a file that is not UTF-8, which an edit would damage', async () => {
    await assert.rejects(open(Buffer.from('# K\xfcche\nbin: { id: a }\n', 'latin1')), {
      code: 'config-unreadable',
      message: /not UTF-8 text\. Save the file as UTF-8/,
    });
  });

  it('keeps a byte order mark', async () => {
    const { path, file } = await open('\ufeffbin: { id: a }\n');
    file.write({ bin: { id: 'b' } });
    assert.equal(readFileSync(path, 'utf8'), '\ufeffbin: { id: b }\n');
  });

  it('refuses what is not a file', async () => {
    await assert.rejects(ConfigFile.open(folder, format), { code: 'config-unreadable' });
  });
});
