import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { parseKeys, readKeys, terminalScreen } from '../../../device/tools/calibrate/terminal.js';

const ESC = '\u001b';

describe('parseKeys', () => {
  const cases: readonly (readonly [chunk: string, keys: string[]])[] = [
    [' ', [' ']],
    [`${ESC}[C${ESC}[D${ESC}OA${ESC}OB`, ['right', 'left', 'up', 'down']],
    ['\r\t\u0003', ['enter', 'tab', 'ctrl-c']],
    [ESC, ['escape']],
    [`${ESC}[`, ['escape', '[']],
    [`${ESC}[1;5C${ESC}[3~`, ['other']],
    ['é🎉', ['é', '🎉']],
    // A backlog of repeats.
    ['    ', [' ']],
    [`${ESC}[C`.repeat(9), ['right']],
    ['', []],
  ];
  for (const [chunk, keys] of cases)
    it(`returns ${JSON.stringify(keys)} for ${JSON.stringify(chunk)}`, () =>
      assert.deepEqual(parseKeys(chunk), keys));
});

describe('readKeys', () => {
  it('yields keys as they come, in raw mode until the end', async () => {
    const modes: boolean[] = [];
    const stdin = Object.assign(new PassThrough(), {
      setRawMode(on: boolean) {
        modes.push(on);
        return stdin as never;
      },
    });
    const stop = new AbortController();
    const keys = readKeys(stdin as never, stop.signal);
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

describe('terminalScreen', () => {
  it('replaces the live lines below the printed lines, and replaces control characters', () => {
    let written = '';
    const screen = terminalScreen({ columns: 10, rows: 3, write: (text) => (written += text) });
    screen.show(['one', 'a line that is long', 'cut off']);
    assert.equal(written, 'one\na line th\n');
    written = '';
    screen.print(`printed${ESC}[2J`);
    assert.equal(written, `\r${ESC}[2A${ESC}[Jprinted\ufffd[2J\none\na line th\n`);
    written = '';
    screen.show([]);
    screen.print('end');
    assert.equal(written, `\r${ESC}[2A${ESC}[Jend\n`);
  });
});
