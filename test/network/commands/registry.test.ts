import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { z } from 'zod';
import { SimulatedJournal } from '../../../device/journal/simulated-journal.js';
import type { Command } from '../../../device/kit/command.js';
import { untilAborted } from '../../../device/kit/deadline.js';
import { done } from '../../../device/kit/errors.js';
import { newId } from '../../../device/kit/ids.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { CommandRegistry } from '../../../device/network/commands/registry.js';
import { collectWarnings } from '../../support/warnings.js';

const COMPARTMENT = z.strictObject({ compartment: z.string().max(10) });

/** A registry with the commands `open`, which actuates, and `count`, which does not. */
const setup = (options: { journal?: SimulatedJournal; run?: Command['run'] } = {}) => {
  const clock = new SimulatedClock();
  const journal = options.journal ?? new SimulatedJournal();
  const ran: unknown[] = [];
  const lines: string[] = [];
  const commands = new CommandRegistry({
    isAllowed: (name, source) => source === 'command' || name === 'count',
    transactions: journal,
    newId,
    clock,
    log: pino({ level: 'warn' }, { write: (line: string) => lines.push(line) }),
  });
  const run: Command['run'] = async (request, context) => {
    ran.push(request);
    return options.run ? options.run(request, context) : done(`run ${ran.length}`);
  };
  const result = z.unknown();
  commands.add({ name: 'open', description: 'opens', schema: COMPARTMENT, result, actuates: true, run });
  const nothing = z.strictObject({});
  commands.add({ name: 'count', description: 'counts', schema: nothing, result, actuates: false, run });
  const open = (transaction?: string, compartment = 'paper') =>
    commands.execute({ command: 'open', compartment, ...(transaction ? { transaction } : {}) }, 'command');
  return { clock, journal, commands, ran, lines, open };
};

const codeOf = (answer: Awaited<ReturnType<CommandRegistry['execute']>>) =>
  answer.ok ? 'ok' : answer.fault.code;

describe('the command registry', () => {
  it('executes many commands at the same time without a warning of a leak', async (test) => {
    const warnings = collectWarnings(test);
    const { commands, open } = setup({ run: (_, { signal }) => untilAborted(signal) });
    const answers = Array.from({ length: 20 }, () => open());
    await new Promise((resolve) => setImmediate(resolve));
    await commands.stop();
    for (const answer of await Promise.all(answers)) assert.equal(codeOf(answer), 'control-unknown');
    assert.deepEqual(warnings, []);
  });

  it('limits the length and the number of the lines of the log about refused commands', async () => {
    const { clock, commands, lines } = setup();
    const refused = async () => {
      const answer = await commands.execute({ command: 'count', ['k'.repeat(16_000)]: 1 }, 'mqtt');
      assert.ok(!answer.ok);
      assert.ok(answer.fault.message.length < 1_000);
      assert.match(answer.fault.message, /^request: .* … *\. Send one JSON object/);
    };
    for (let count = 0; count < 100; count += 1) await refused();
    assert.equal(lines.length, 20);
    assert.ok(lines.every((line) => line.length < 1_000));
    await clock.advance(5_000);
    await refused();
    assert.equal(lines.length, 21);
  });

  it('refuses an invalid request, and names the commands and the problem', async () => {
    const { commands, ran } = setup();
    for (const request of [
      undefined,
      'open',
      {},
      { command: 'close' },
      { command: 'open' },
      { command: 'open', compartment: 'x'.repeat(11) },
      { command: 'count', now: true },
      { command: 'count', transaction: '' },
      { command: 'count', transaction: 'x'.repeat(65) },
      { command: 'count', transaction: 'a\u0000b' },
      { command: 'count', transaction: '\ud800' },
    ]) {
      const answer = await commands.execute(request, 'command');
      assert.equal(codeOf(answer), 'control-refused', JSON.stringify(request));
      assert.match(answer.ok ? '' : answer.fault.message, /\(open, count\)/);
    }
    assert.deepEqual(ran, []);
  });

  it('lets each source send only what it may', async () => {
    const { commands, ran } = setup();
    const answer = await commands.execute({ command: 'open', compartment: 'paper' }, 'button');
    assert.equal(codeOf(answer), 'control-refused');
    assert.equal(codeOf(await commands.execute({ command: 'count' }, 'button')), 'ok');
    assert.deepEqual(ran, [{}]);
  });

  it('executes a transaction once, and repeats its answer, also after a restart', async () => {
    const { journal, open, ran } = setup();
    const first = await open('t1');
    assert.deepEqual(first, done('run 1'));
    assert.deepEqual(await open('t1'), first);
    const later = setup({ journal: new SimulatedJournal({ earlier: journal }) });
    assert.deepEqual(await later.open('t1'), first);
    assert.deepEqual([ran.length, later.ran.length], [1, 0]);
    assert.deepEqual(await open('t2'), done('run 2'));
  });

  it('executes a transaction once if it is sent twice at the same time', async () => {
    const { open, ran } = setup({ run: () => new Promise((resolve) => setImmediate(resolve, done('slow'))) });
    assert.deepEqual(await Promise.all([open('t1'), open('t1'), open('t1')]), [
      done('slow'),
      done('slow'),
      done('slow'),
    ]);
    assert.equal(ran.length, 1);
  });

  it('refuses a transaction of another request', async () => {
    const { open, ran } = setup();
    await open('t1', 'paper');
    assert.equal(codeOf(await open('t1', 'glass')), 'control-refused');
    assert.equal(ran.length, 1);
  });

  it('answers "unknown" for a command that a crash has interrupted, and does not execute it again', async () => {
    const journal = new SimulatedJournal();
    const crashed = setup({ journal, run: (_, { signal }) => untilAborted(signal) });
    void crashed.open('t1');
    await crashed.clock.advance(1);
    assert.equal(crashed.ran.length, 1);
    const later = setup({ journal: new SimulatedJournal({ earlier: journal }) });
    assert.equal(codeOf(await later.open('t1')), 'control-unknown');
    assert.deepEqual(later.ran, []);
  });

  it('answers "unknown" when a command takes too long, and later with its result', async () => {
    let finish: (answer: ReturnType<typeof done<string>>) => void = () => {};
    const { open, clock } = setup({ run: () => new Promise((resolve) => (finish = resolve)) });
    const first = open('t1');
    await clock.advance(4_000);
    assert.equal(codeOf(await first), 'control-unknown');
    const again = open('t1');
    await clock.advance(1);
    finish(done('moved'));
    assert.deepEqual(await again, done('moved'));
  });

  it('executes nothing that actuates if it cannot be recorded', async () => {
    const journal = new SimulatedJournal();
    await journal.close();
    const { commands, open, ran } = setup({ journal });
    assert.equal(codeOf(await open()), 'control-failed');
    assert.deepEqual(ran, []);
    assert.equal(codeOf(await commands.execute({ command: 'count' }, 'command')), 'ok');
  });

  it('turns an error of a command into an answer', async () => {
    const { open } = setup({ run: () => Promise.reject(new Error('the disk is full')) });
    const answer = await open('t1');
    assert.deepEqual(answer.ok ? null : answer.fault, {
      code: 'control-failed',
      message: 'open: the disk is full',
    });
    assert.deepEqual(await open('t1'), answer);
  });

  it('ends a waiting request when the daemon stops', async () => {
    const { commands, open, clock, ran } = setup({ run: (_, { signal }) => untilAborted(signal) });
    const answer = open();
    await clock.advance(1);
    await commands.stop();
    assert.equal(codeOf(await answer), 'control-unknown');
    assert.equal(clock.waiting, 0);
    assert.equal(codeOf(await open('t2')), 'control-failed');
    assert.equal(ran.length, 1, 'nothing is executed after the stop');
  });

  it('does not record a command that only reads', async () => {
    const { commands } = setup();
    let reads = 0;
    const run: Command['run'] = async () => done(++reads);
    commands.add({
      name: 'read',
      description: 'reads',
      schema: z.strictObject({}),
      result: z.number(),
      actuates: false,
      isQuery: true,
      run,
    });
    const read = () => commands.execute({ command: 'read', transaction: 't1' }, 'command');
    assert.deepEqual([await read(), await read()], [done(1), done(2)]);
  });

  it('names the transaction of a command whose result is unknown', async () => {
    const { open, clock } = setup({ run: (_, { signal }) => untilAborted(signal) });
    const answer = open('t1');
    await clock.advance(4_000);
    const { fault } = (await answer) as { fault?: { message: string } };
    assert.match(fault?.message ?? '', /Send it again with the transaction "t1"/);
  });
});
