import assert from 'node:assert/strict';
import { it } from 'node:test';
import { inFolder, Sortbin } from '../support/sortbin.js';

it('sortbin model install names what it accepts', () =>
  inFolder('', async (folder) => {
    const command = new Sortbin(['model', 'install', 'nowhere'], folder);
    assert.equal(await command.ended(), 64);
    assert.match(
      command.stderr,
      /'nowhere' is invalid.*Use a bundle such as waste12@1\.4\.0, or a folder that exists\./,
    );
  }));

it('sortbin model trust names a file that cannot be read', () =>
  inFolder('', async (folder) => {
    const command = new Sortbin(['model', 'trust', 'nowhere.json'], folder);
    assert.equal(await command.ended(), 66);
    assert.match(command.stderr, /nowhere\.json: cannot be read .* Name the root\.json of a repository\./);
  }));
