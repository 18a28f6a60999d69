import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { escapeControls, plain, plainJson, plainLines } from '../../device/kit/plain-text.js';

const HOSTILE = 'a\u001b[2J\u0007\u009bb\u202ec\u2028d\r\ne';

describe('a text for a terminal', () => {
  it('has no control characters, and no marks that change its direction', () => {
    assert.equal(plain(HOSTILE), 'a\ufffd[2J\ufffd\ufffdb\ufffdc\ufffdd\ufffd\ufffde');
    assert.equal(plain('Grünglas 紙 \u{1f5d1}'), 'Grünglas 紙 \u{1f5d1}');
  });

  it('keeps line breaks if it has several lines', () => {
    assert.equal(plainLines('one\r\n\ttwo\n'), 'one\ufffd\n\ufffdtwo\n');
  });

  it('may come from the texts and names of a JSON value', () => {
    const value = { list: [HOSTILE, 1, null, true], [HOSTILE]: { inner: HOSTILE } };
    assert.doesNotMatch(JSON.stringify(plainJson(value)), /\\u|[\p{Cc}\p{Bidi_C}]/u);
    assert.deepEqual(plainJson({ a: [1, null, { b: 'c' }] }), { a: [1, null, { b: 'c' }] });
  });

  it('is the same value as JSON with escapes', () => {
    const json = escapeControls(`${JSON.stringify({ [HOSTILE]: HOSTILE }, null, 2)}\n`);
    assert.doesNotMatch(json.replaceAll('\n', ''), /[\p{Cc}\p{Bidi_C}\p{Zl}\p{Zp}]/u);
    assert.deepEqual(JSON.parse(json), { [HOSTILE]: HOSTILE });
  });
});
