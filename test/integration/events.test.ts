import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { localTime } from '../../device/tools/cli/local-time.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';

const BIN = [
  'trigger: { driver: command }',
  'vision: { driver: simulated, script: [{ label: paper }, { label: paper, confidence: 0.6 }, { label: battery }] }',
  'gate: { moveMs: 0 }',
  'mqtt: { embedded: { port: 0 } }',
  'log: { format: json, level: warn }',
].join('\n');

const ask = async (folder: string, ...args: string[]) => {
  const command = new Sortbin(args, folder);
  return { code: await command.ended(), output: command.output, stderr: command.stderr };
};

describe('sortbin events', () => {
  it('lists, follows and explains the events of a running bin, and of the stopped one', () =>
    inFolder(BIN, async (folder) => {
      const bin = new Sortbin(['run'], folder);
      await bin.waitForCommands();
      const follow = new Sortbin(['events', '--follow', '--json'], folder);
      for (let item = 1; item <= 3; item++) {
        await ask(folder, 'trigger');
        await until('the event of the item', () => follow.output.length === item, 30_000);
      }
      follow.kill('SIGINT');
      assert.equal(await follow.ended(), 'SIGINT');
      const followed = follow.output.map((line) => JSON.parse(line));
      assert.deepEqual(
        followed.map(({ seq }) => seq),
        [1, 2, 3],
      );

      bin.kill('SIGTERM');
      assert.equal(await bin.ended(), 0);
      const texts = (await ask(folder, 'events')).output.map((line) =>
        line.replace(/^[-\d]+ [:\d]+ {2}/, ''),
      );
      assert.equal(texts.length, 3);
      assert.match(texts[0] ?? '', /^#1 {6}paper 0\.\d\d -> paper$/);
      assert.match(texts[1] ?? '', /^#2 {6}paper 0\.\d\d below 0\.\d\d -> residual$/);
      assert.match(texts[2] ?? '', /^#3 {6}refused: battery 0\.\d\d, hazard$/);
      assert.equal((await ask(folder, 'events', '--outcome', 'refused')).output.length, 1);
      assert.equal((await ask(folder, 'events', '--compartment', 'residual')).output.length, 1);
      assert.equal((await ask(folder, 'events', '-n', '1', '--since', '1h')).output.length, 1);
      const none = await ask(folder, 'events', '--since', '2099-01-01');
      assert.deepEqual([none.code, none.output, none.stderr], [0, [], 'sortbin: no events.\n']);
      const unknown = await ask(folder, 'events', '--compartment', 'papier');
      assert.match(
        unknown.stderr,
        /no events of compartment "papier"\. The latest events have: paper, residual\.\n$/,
      );
      const hint = await ask(folder, 'events', '3');
      assert.deepEqual(
        [hint.code, /To explain an event: sortbin events show 3/.test(hint.stderr)],
        [64, true],
      );

      const shown = JSON.parse((await ask(folder, 'events', 'show', '2', '--json')).output.join('\n'));
      assert.deepEqual(shown.event, followed[1]);
      assert.ok(readFileSync(shown.framePath).length > 1_000);
      const { output } = await ask(folder, 'events', 'show', followed[1].id.slice(0, 23));
      assert.match(output.join('\n'), /^event 2: paper 0\.\d\d below/);
      assert.ok(output.some((line) => line.endsWith(shown.framePath)));
      assert.ok(output.includes(`  time        ${localTime(followed[1].at)}`), output.join('\n'));
    }));

  it('refuses an unknown event and an impossible time, and names a journal that does not exist', () =>
    inFolder(BIN, async (folder) => {
      const missing = await ask(folder, 'events');
      assert.deepEqual([missing.code, /Start the bin once/.test(missing.stderr)], [66, true]);
      const bin = new Sortbin(['run'], folder);
      await bin.waitForCommands();
      bin.kill('SIGTERM');
      await bin.ended();
      const unknown = await ask(folder, 'events', 'show', '7');
      assert.deepEqual([unknown.code, /event "7": not in the journal/.test(unknown.stderr)], [66, true]);
      for (const since of [
        'yesterday',
        '1 2',
        '2026-02-30',
        '12345-01-01',
        '999999999d',
        '2026-01-01T25:00',
      ]) {
        const refused = await ask(folder, 'events', '--since', since);
        assert.deepEqual([refused.code, /Use a time such as/.test(refused.stderr)], [64, true], since);
        assert.doesNotMatch(refused.stderr, /\n\s+at /);
      }
      for (const since of [
        '2026-02-28',
        '2026-02-28 08:00:05',
        '2026-02-28T08:00Z',
        '2026-02-28T08:00:05.5+01:00',
      ])
        assert.equal((await ask(folder, 'events', '--since', since)).code, 0, since);
    }));
});
