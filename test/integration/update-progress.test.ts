import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { MAIN } from '../support/sortbin.js';
import { Terminal } from '../support/terminal.js';
import { until } from '../support/until.js';
import { sendFile } from '../support/update/repository-server.js';
import { type UpdatingBin, withUpdatingBin } from '../support/update/updating-bin.js';

const MODEL = 'model_int8.tflite';
const ESC = String.fromCharCode(27);

/** Sends half of the file that ends so, and the rest when the returned function is called. */
const slowDown = ({ server, repository }: UpdatingBin, end: string): (() => void) => {
  let finish = () => {};
  server.answer(end, (request, response: ServerResponse) => {
    const file = repository.read(decodeURIComponent(request.url ?? '').slice(1));
    if (request.headers.range) return sendFile(request, response, file);
    response.writeHead(200, { 'Content-Length': file.length });
    response.write(file.subarray(0, file.length / 2));
    finish = () => response.end(file.subarray(file.length / 2));
  });
  return () => finish();
};

/** Waits until the bin has a part of a download, and until a command that shows it has had the time to do so. */
const untilHalf = async ({ run }: UpdatingBin): Promise<void> => {
  for (let seen = 0, tries = 0; seen < 2 && tries < 30; tries += 1) {
    const { value } = JSON.parse((await run('status', '--json')).text);
    if (value.update.progress?.bytes > 0) seen += 1;
  }
};

describe('the progress of a download', () => {
  it('is a bar on a terminal, which is gone at the end', (t) =>
    withUpdatingBin(t, { published: ['9.0.0'] }, async (updating) => {
      const finish = slowDown(updating, MODEL);
      const terminal = new Terminal(t, `exec '${MAIN}' model install`, updating.folder);
      const bar = /downloading \[[^\]]+\] [1-9]\d?%/;
      await until(
        () => `a bar is shown. The text is: ${terminal.text}`,
        () => bar.test(terminal.text),
        30_000,
      );
      finish();
      assert.equal(await terminal.ended(), 0, terminal.text);
      const afterBar = terminal.text.slice(terminal.text.lastIndexOf('%') + 1);
      assert.match(afterBar, new RegExp(`${ESC}\\[[02]?K`), 'the line is cleared');
      assert.ok(afterBar.includes(`${ESC}[?25h`), 'the cursor is shown again');
      assert.match(afterBar, /waste12@9\.0\.0 is active\r\n$/);
    }));

  it('is not shown in a pipe, with NO_COLOR, and on a dumb terminal', (t) =>
    withUpdatingBin(t, { published: ['9.0.0'] }, async (updating) => {
      const inPipe = await updating.run('model', 'install');
      assert.deepEqual(inPipe, { code: 0, text: 'waste12@9.0.0 is active' });
      for (const [index, variable] of ['NO_COLOR=1', 'TERM=dumb'].entries()) {
        const version = `9.${index + 1}.0`;
        const extra = `extra-${index}.bin`;
        await updating.publish(version, (files) => files.set(extra, Buffer.alloc(1_000_000, version)));
        const finish = slowDown(updating, extra);
        const terminal = new Terminal(t, `${variable} exec '${MAIN}' model install`, updating.folder);
        await untilHalf(updating);
        finish();
        assert.equal(await terminal.ended(), 0, terminal.text);
        assert.equal(terminal.text, `waste12@${version} is active\r\n`);
      }
    }));
});
