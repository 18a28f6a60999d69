import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stringify } from 'yaml';
import { parseConfig } from '../../../device/config/load.js';
import { SystemClock } from '../../../device/kit/clock.js';
import { loadBundle } from '../../../device/perception/inference/bundle/bundle.js';
import { patchYaml } from '../../../device/tools/setup/patch-yaml.js';
import type { StepContext, StepName } from '../../../device/tools/setup/setup.js';
import { STEPS } from '../../../device/tools/setup/steps.js';
import { FACTORY_BUNDLE } from '../../support/bin.js';
import { ScriptedPrompt } from './scripted-prompt.js';

const stepOf = (name: StepName) => {
  const step = STEPS.find((one) => one.name === name);
  assert.ok(step);
  return step;
};

const contextOf = (text: string) => {
  const said: string[] = [];
  const context: StepContext = {
    config: parseConfig(text, 'test'),
    folder: '/nowhere',
    prompt: null,
    say: (line) => said.push(line),
    clock: new SystemClock(),
    signal: new AbortController().signal,
    bundle: () => loadBundle(FACTORY_BUNDLE),
  };
  return { context, said };
};

/** Asks a step with a configuration. Returns the new configuration. */
const ask = async (name: StepName, text: string, answers: string[]) => {
  const prompt = new ScriptedPrompt(answers);
  const { context, said } = contextOf(text);
  const patch = await stepOf(name).ask({ ...context, prompt, problemOf: () => null });
  const after = patchYaml(text, patch);
  return { patch, after, config: parseConfig(after, 'after'), prompt, said };
};

describe('the questions of the sensor', () => {
  it('make a break-beam at a GPIO number', async () => {
    const { config } = await ask('sensor', '', ['beam', '22', '']);
    assert.ok(config.trigger.driver === 'line');
    const { source, input } = config.trigger;
    assert.deepEqual([source, input.line, input.chip, input.activeLow], ['beam', 'GPIO22', null, true]);
  });

  it('keep the present values with Enter, and the keys that they do not ask for', async () => {
    const text =
      'trigger:\n  driver: line\n  source: pir\n  minGapMs: 900 # slow\n  input: { chip: a, offset: 4, debounceMs: 9 }\n';
    const { after, prompt } = await ask('sensor', text, ['', '', '']);
    assert.equal(after, text.replace('debounceMs: 9 }', 'debounceMs: 9, activeLow: false }'));
    assert.deepEqual(prompt.questions.slice(0, 2), ['Sensor [pir]', 'Line of the sensor [a:4]']);
  });

  it('make an ultrasonic sensor, or no sensor', async () => {
    const { config } = await ask('sensor', '', ['ultrasonic', 'chip0:3', 'ECHO']);
    assert.ok(config.trigger.driver === 'ultrasonic');
    assert.deepEqual([config.trigger.trig.chip, config.trigger.trig.offset], ['chip0', 3]);
    assert.equal(config.trigger.echo.line, 'ECHO');
    assert.deepEqual((await ask('sensor', '', ['command'])).patch, { trigger: { driver: 'command' } });
  });
});

describe('the questions of the compartments', () => {
  it('give the last compartment the free labels, except the hazards, which are refused', async () => {
    const answers = ['own', 'paper rest', 'paper, cardboard', '', ''];
    const { config, said, patch } = await ask('compartments', '', answers);
    const { compartments, refuse, fallback } = config.policy;
    assert.deepEqual([compartments?.paper, refuse, fallback], [['paper', 'cardboard'], ['battery'], 'rest']);
    assert.equal(compartments?.rest?.length, 9);
    assert.ok(said.some((line) => line.startsWith('Labels of the model: battery')));
    const { context } = contextOf(stringify(patch));
    assert.deepEqual(await stepOf('compartments').check(context), {});
  });

  it('keep what stands beside the same preset', async () => {
    const text = 'policy:\n  preset: four-way\n  fallback: packaging # mine\n  refuse: [battery, shoes]\n';
    assert.equal((await ask('compartments', text, [''])).after, text);
  });

  it('return to a preset', async () => {
    const text = 'policy:\n  compartments: { a: [paper] }\n  fallback: a\n  margin: 0.3\n';
    assert.equal(
      (await ask('compartments', text, ['four-way'])).after,
      'policy:\n  margin: 0.3\n  preset: four-way\n',
    );
  });

  it('ask again for a label that the model does not have', async () => {
    const { config, said, prompt } = await ask('compartments', '', [
      'own',
      'a b',
      'papre',
      'paper',
      '',
      'c',
      'b',
    ]);
    assert.deepEqual(config.policy.compartments?.a, ['paper']);
    assert.deepEqual(prompt.said, ['"papre" is not a free label.', 'Use one of a, b.']);
    assert.ok(said.some((line) => line.startsWith('Free labels: battery')));
  });
});

describe('the questions of the gate', () => {
  it('make a flap with a compartment that needs no move', async () => {
    const labels =
      'policy:\n  compartments: { a: [paper, cardboard, clothes], b: [metal, plastic, shoes], c: [trash, biological, brown-glass, green-glass, white-glass] }\n  fallback: c\n';
    const { config } = await ask('gate', labels, ['flap', '', '', '22', '', 'none']);
    const { gate } = config;
    assert.ok(gate.driver === 'lines');
    assert.deepEqual(gate.passive, ['c']);
    assert.deepEqual(
      Object.entries(gate.compartments).map(([name, { output }]) => [name, output.line]),
      [
        ['a', 'GPIO17'],
        ['b', 'GPIO22'],
      ],
    );
    assert.deepEqual([gate.lid?.line, gate.lid?.bias, gate.home], ['GPIO5', 'pull-up', null]);
  });

  it('keep the rules of switches, and all compartments without a move', async () => {
    const text = `gate:
  driver: lines
  compartments:
    paper: { output: { line: GPIO17 }, onMs: 333 }
    glass: { output: { line: GPIO27 } }
  passive: [ packaging, residual ]
  lid: { line: GPIO5, bias: disabled }
  home: { line: GPIO6, activeLow: false }
`;
    assert.equal((await ask('gate', text, ['', '', '', '', '', ''])).after, text);
    const moved = text.replace('GPIO5', 'GPIO12');
    assert.equal((await ask('gate', text, ['', '', '', '', '12', ''])).after, moved);
  });

  it('make a servo, and keep the calibrated positions when they are asked again', async () => {
    const first = await ask('gate', '', ['servo', 'fe20c000.pwm', '1', 'none', '6']);
    assert.ok(first.config.gate.driver === 'servo');
    const { pwm, compartments, home } = first.config.gate;
    assert.deepEqual(
      [pwm.chip, pwm.channel, home?.line, home?.activeLow],
      ['fe20c000.pwm', 1, 'GPIO6', true],
    );
    assert.deepEqual(Object.keys(compartments), ['paper', 'glass', 'packaging', 'residual']);
    const calibrated = first.after.replace('pulseUs: 1125', 'pulseUs: 1131 # by hand');
    assert.equal((await ask('gate', calibrated, ['', '', '', '', ''])).after, calibrated);
  });

  it('add the positions that were calibrated by keys', async () => {
    const { config } = await ask('gate', 'lines: { driver: simulated }\n', ['servo', '', '', 'none', 'none']);
    const { context } = contextOf('');
    const prompt = new ScriptedPrompt(['y']);
    prompt.keys.press('1', 'right', 'enter', 'q');
    assert.deepEqual(await stepOf('gate').check({ ...context, config, prompt }), {
      gate: { compartments: { paper: { pulseUs: 1_135 } } },
    });
  });

  it('are refused without an entry for a compartment', async () => {
    const { context } = contextOf(
      'gate: { driver: lines, passive: [paper] }\nlines: { driver: simulated }\n',
    );
    await assert.rejects(stepOf('gate').check(context), {
      code: 'gate-rules',
      message: /no entry for "glass"/,
    });
  });
});

describe('the questions of the broker', () => {
  it('make a login, keep its password with Enter, and return to the embedded broker', async () => {
    const first = await ask('broker', '', ['own', 'mqtts://b.example', 'hall', 'secret']);
    const { url, username, password } = first.config.mqtt;
    assert.deepEqual([url, username, password], ['mqtts://b.example', 'hall', 'secret']);
    assert.equal((await ask('broker', first.after, ['', '', '', ''])).after, first.after);
    assert.equal((await ask('broker', first.after, ['', '', 'none'])).config.mqtt.password, null);
    assert.equal((await ask('broker', first.after, ['embedded'])).after, '');
  });
});
