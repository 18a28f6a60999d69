import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { readConfigText } from '../../../device/config/config-text.js';
import { parseConfig } from '../../../device/config/load.js';
import { SystemClock } from '../../../device/kit/clock.js';
import { loadBundle } from '../../../device/perception/inference/bundle/bundle.js';
import { ConfigFile } from '../../../device/tools/setup/config-file.js';
import { runGuide } from '../../../device/tools/setup/guide.js';
import { type Patch, SetupError, type Step } from '../../../device/tools/setup/setup.js';
import { STEPS } from '../../../device/tools/setup/steps.js';
import { FACTORY_BUNDLE } from '../../support/bin.js';
import { ScriptedPrompt } from './scripted-prompt.js';

const folder = mkdtempSync(join(tmpdir(), 'guide-'));
after(() => rmSync(folder, { recursive: true }));

/** Runs the steps with these answers, on a file with the id `a`. */
const guide = async (steps: readonly Step[], answers: string[], stop = new AbortController()) => {
  const path = join(folder, 'sortbin.yaml');
  writeFileSync(path, 'bin: { id: a }\n');
  const prompt = new ScriptedPrompt(answers);
  const reports = await runGuide({
    file: await ConfigFile.open(path, { read: readConfigText, parse: (text) => parseConfig(text, path) }),
    ...{ steps, prompt, isChecked: true, clock: new SystemClock(), signal: stop.signal },
    bundleOf: () => loadBundle(FACTORY_BUNDLE),
  }).catch((thrown) => {
    if (stop.signal.aborted) return [];
    throw thrown;
  });
  const outcomes = reports.map(({ step, outcome }) => `${step} ${outcome}`);
  return { reports, outcomes, prompt, text: readFileSync(path, 'utf8') };
};

const [binStep] = STEPS;
assert.ok(binStep);

/** The step of the name, with a check that fails for the ids of `failing`. */
const withCheck = (failing: readonly string[], found: Patch = {}): Step => ({
  ...binStep,
  check: async ({ config, say }) => {
    say(`tried ${config.bin.id}`);
    if (failing.includes(config.bin.id))
      throw new SetupError('setup-broker', `bin.id: ${config.bin.id} fails.`);
    return found;
  },
});

describe('runGuide', () => {
  it('saves a step, and adds what its check has found', async () => {
    const step = withCheck([], { bin: { name: 'Found' } });
    const { outcomes, text, reports } = await guide([step], ['ask', 'b', 'B', 'next']);
    assert.deepEqual([outcomes, text], [['bin done'], 'bin: { id: b, name: Found }\n']);
    assert.deepEqual(reports[0]?.lines, ['tried b']);
  });

  it('changes nothing with Enter alone, if the file has the section', async () => {
    const { outcomes, text, reports, prompt } = await guide([withCheck([])], ['', '']);
    assert.deepEqual([outcomes, text], [['bin unchanged'], 'bin: { id: a }\n']);
    assert.deepEqual(reports[0]?.lines, ['tried a']);
    assert.deepEqual(prompt.questions, ['Choice [keep]', 'Choice [next]']);
  });

  it('tries kept values again, and changes them after a failed test', async () => {
    const { outcomes, text } = await guide([withCheck(['a'])], ['keep', 'again', 'ask', 'c', '', 'next']);
    assert.deepEqual([outcomes, text], [['bin done'], 'bin: { id: c, name: Sorting bin }\n']);
  });

  it('skips a step, and ends before the last one', async () => {
    const { outcomes, text } = await guide([binStep, binStep, binStep], ['skip', 'end']);
    assert.deepEqual([outcomes, text], [['bin skipped'], 'bin: { id: a }\n']);
  });

  it('repeats a step, which starts with the values of the last attempt', async () => {
    const { outcomes, text, prompt } = await guide([binStep], ['ask', 'b', '', 'again', '', 'B', 'next']);
    assert.deepEqual([outcomes, text], [['bin done'], 'bin: { id: b, name: B }\n']);
    assert.ok(prompt.questions.includes('Id [b]'));
  });

  it('explains a failed check, and leaves the file unchanged if the step is skipped', async () => {
    const { outcomes, text, prompt } = await guide([withCheck(['b'])], ['ask', 'b', '', 'skip']);
    assert.deepEqual([outcomes, text], [['bin skipped'], 'bin: { id: a }\n']);
    assert.ok(prompt.said.includes('This step has failed: bin.id: b fails.'));
  });

  it('tries a failed step again', async () => {
    const { outcomes, text } = await guide([withCheck(['b'])], ['ask', 'b', '', 'again', 'c', '', 'next']);
    assert.deepEqual([outcomes, text], [['bin done'], 'bin: { id: c, name: Sorting bin }\n']);
  });

  it('saves values whose check has failed, and reports the fault', async () => {
    const { reports, text } = await guide([withCheck(['b'])], ['ask', 'b', '', 'save']);
    const [report] = reports;
    assert.deepEqual([report?.outcome, report?.fault?.code], ['failed', 'setup-broker']);
    assert.equal(text, 'bin: { id: b, name: Sorting bin }\n');
  });

  it('takes over what another program wrote meanwhile, when the step is repeated', async () => {
    const step: Step = {
      ...binStep,
      check: async ({ config }) => {
        if (config.bin.id === 'b') writeFileSync(join(folder, 'sortbin.yaml'), 'log: { level: warn }\n');
        return {};
      },
    };
    const { outcomes, text, prompt } = await guide([step], ['ask', 'b', '', 'again', 'c', '', 'next']);
    assert.match(prompt.said.join('\n'), /another program changed the file meanwhile\. Repeat the step/);
    assert.deepEqual(outcomes, ['bin done']);
    assert.match(text, /^log: \{ level: warn \}\nbin:\n {2}id: c\n/);
  });

  it('goes on if values cannot be saved after a failed test', async () => {
    const step: Step = {
      ...binStep,
      check: async () => {
        writeFileSync(join(folder, 'sortbin.yaml'), 'log: { level: warn }\n');
        throw new SetupError('setup-broker', 'no broker');
      },
    };
    const { outcomes, text } = await guide([step], ['ask', 'b', '', 'save', 'skip']);
    assert.deepEqual([outcomes, text], [['bin skipped'], 'log: { level: warn }\n']);
  });

  it('explains a value that is not allowed at its question, and asks again', async () => {
    const { prompt, text } = await guide([binStep], ['ask', 'B!', 'b', '', 'next']);
    assert.match(prompt.said.join('\n'), /bin\.id: "B!" is not allowed\. Use a name of 1 to 63/);
    assert.equal(text, 'bin: { id: b, name: Sorting bin }\n');
  });

  it('keeps the steps before an interruption', async () => {
    const stop = new AbortController();
    const interrupted: Step = {
      ...binStep,
      check: async () => {
        stop.abort(new Error('Ctrl-C'));
        return {};
      },
    };
    const { text } = await guide([binStep, interrupted], ['ask', 'b', '', 'next', 'ask', 'c', ''], stop);
    assert.equal(text, 'bin: { id: b, name: Sorting bin }\n');
  });

  it('does not hide an error of the program', async () => {
    const broken: Step = {
      ...binStep,
      check: () => {
        throw new TypeError('a mistake');
      },
    };
    await assert.rejects(guide([broken], ['ask', 'b', '']), /a mistake/);
  });
});
