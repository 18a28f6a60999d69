import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { refusal } from './support.js';

const SECRET = 'hunter2';

/** Invalid files with a secret, each with another problem. */
const FILES: readonly string[] = [
  `mqtt: { password: ${SECRET} }`,
  `mqtt: { username: u, password: [${SECRET}] }`,
  `mqtt: { username: u, password: { ${'x'}: ${SECRET} } }`,
  `mqtt: { pasword: ${SECRET} }`,
  `mqtt: ${SECRET}`,
  `mqtt: [${SECRET}]`,
  `mqtt: { url: "http://user:${SECRET}@broker" }`,
  `mqtt: { url: "mqtt:/user:${SECRET}@broker" }`,
  `mqtt: { url: "mqtt://user:a@${SECRET}@broker:99999" }`,
  `mqtt: { url: "mqtt://user:${SECRET}\\n@broker" }`,
  `mqtt: { url: "mqtt://user:${SECRET}%@broker" }`,
  `mqtt: { url: "mqtt://:${SECRET}@broker" }`,
  `mqtt: { url: "mqtt://:${SECRET}%@broker" }`,
  `mqtt: { url: "mqtt://user:${SECRET}@broker", username: user }`,
  `bin: { id: "mqtt://user:${SECRET}@broker" }`,
  `mqtt: { password: !${SECRET} }`,
  `mqtt: { password: *${SECRET} }`,
  `mqtt:\n  password: |${SECRET}\n`,
  `mqtt:\n  password: "a"${SECRET}\n`,
  `mqtt:\n  password: ]${SECRET}\n`,
  `mqtt:\n  password: "\\x${SECRET}"\n`,
  `mqtt:\n  password: @${SECRET}\n`,
  `${SECRET}`,
];

describe('keeps the secret of an invalid file out of the message', () => {
  for (const text of FILES)
    test(JSON.stringify(text), () => {
      const error = refusal(text);
      assert.ok(!inspect(error, { depth: 9 }).includes(SECRET), error.message);
      assert.ok(!JSON.stringify(error.problems).includes(SECRET));
    });
});
