import assert from 'node:assert/strict';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { SAMPLES } from '../support/bin.js';
import { anEvent } from '../support/event.js';
import { journalOptions, openSqlite } from '../support/journal/journal-folder.js';
import { inFolder, Sortbin } from '../support/sortbin.js';

/** A text that clears a terminal, by two sequences, and that reverses the rest of the line. */
const HOSTILE = 'pa\u001b[2J\u009b2J\u202eper';

const run = async (folder: string, ...args: string[]) => {
  const command = new Sortbin(args, folder);
  const code = await command.ended();
  const text = command.output.join('\n');
  assert.doesNotMatch(`${text}${command.stderr}`.replaceAll('\n', ''), /[\p{Cc}\p{Bidi_C}]/u, args.join(' '));
  return { code, text, stderr: command.stderr };
};

describe('a text that would control the terminal', () => {
  it('is printed without control characters by bench, and as escapes in its JSON', () =>
    inFolder('', async (folder) => {
      const images = join(folder, 'images');
      const name = `${HOSTILE}\nAccuracy 100 %`;
      await mkdir(join(images, name), { recursive: true });
      await cp(join(SAMPLES, 'paper/paper18.jpg'), join(images, name, 'a.jpg'));
      await writeFile(join(images, name, 'b.jpg'), 'no image');
      await writeFile(join(images, `${HOSTILE}.heic`), '');
      const { code, text } = await run(folder, 'bench', 'images');
      assert.equal(code, 0);
      for (const line of ['Skipped', 'Left out:', 'Not labelled:']) assert.match(text, new RegExp(line));
      assert.doesNotMatch(text, /^Accuracy/m);
      const json = await run(folder, 'bench', 'images', '--json', '-');
      assert.equal(JSON.parse(json.text).unknownLabels[0].folder, name);
    }));

  it('is printed without control characters by events, and as escapes in its JSON', (t) =>
    inFolder('', async (folder) => {
      const journal = await openSqlite(t, journalOptions(join(folder, 'data')));
      const decision = {
        compartment: HOSTILE,
        label: HOSTILE,
        confidence: 0.98,
        reason: 'confident',
      } as const;
      const event = anEvent({ decision, scores: { [HOSTILE]: 0.98 } });
      await journal.finish(event.id, event);
      await journal.close();
      for (const args of [[], ['show', '1']]) {
        assert.match((await run(folder, 'events', ...args)).text, /pa\ufffd\[2J\ufffd2J\ufffdper 0\.98/);
        const { text } = await run(folder, 'events', ...args, '--json');
        const parsed = JSON.parse(text);
        assert.equal((parsed.event ?? parsed).decision.label, HOSTILE);
      }
    }));

  it('is printed without control characters in error messages', () =>
    inFolder(
      `policy: { refuse: ["${HOSTILE.slice(-5)}"] }\nmqtt: { embedded: { port: 0 } }\n`,
      async (folder) => {
        const { code, stderr } = await run(folder, 'run');
        assert.equal(code, 78);
        assert.match(stderr, /\ufffdper" is not a label of the model/);
      },
    ));
});
