import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { keysIn, keysOf, terminalScreen } from '../../../device/tools/calibrate/terminal.js';

const ESC = '\u001b';

describe('the keys of a terminal', () => {
  const cases: readonly (readonly [sent: string, keys: string[]])[] = [
    [' ', [' ']],
    [`${ESC}[C${ESC}[D${ESC}OA${ESC}OB`, ['right', 'left', 'up', 'down']],
    ['\r\t\u0003', ['enter', 'tab', 'ctrl-c']],
    [ESC, ['escape']],
    [`${ESC}[`, ['escape', '[']],
    [`${ESC}[1;5C${ESC}[3~`, ['other']],
    ['é🎉', ['é', '🎉']],
    // What piled up on the way.
    ['    ', [' ']],
    [`${ESC}[C`.repeat(9), ['right']],
    ['', []],
  ];
  for (const [sent, keys] of cases)
    it(`are ${JSON.stringify(keys)} in ${JSON.stringify(sent)}`, () => assert.deepEqual(keysIn(sent), keys));

  it('come as they are pressed, in raw mode until the end', async () => {
    const modes: boolean[] = [];
    const stdin = Object.assign(new PassThrough(), {
      setRawMode(on: boolean) {
        modes.push(on);
        return stdin as never;
      },
    });
    const stop = new AbortController();
    const keys = keysOf(stdin as never, stop.signal);
    stdin.write('ab');
    assert.deepEqual(
      [await keys.next(), await keys.next()],
      [
        { done: false, value: 'a' },
        { done: false, value: 'b' },
      ],
    );
    assert.deepEqual(modes, [true]);
    stop.abort();
    assert.deepEqual(await keys.next(), { done: true, value: undefined });
    assert.deepEqual(modes, [true, false]);
  });
});

describe('the screen of a terminal', () => {
  it('replaces what it shows, below what it says, and lets no control character through', () => {
    let written = '';
    const screen = terminalScreen({ columns: 10, rows: 3, write: (text) => (written += text) });
    screen.show(['one', 'a line that is long', 'cut off']);
    assert.equal(written, 'one\na line th\n');
    written = '';
    screen.say(`said${ESC}[2J`);
    assert.equal(written, `\r${ESC}[2A${ESC}[Jsaid\ufffd[2J\none\na line th\n`);
    written = '';
    screen.show([]);
    screen.say('end');
    assert.equal(written, `\r${ESC}[2A${ESC}[Jend\n`);
  });
});
