import type { Config } from '../../config/schema.js';
import type { InputRules } from '../../hardware/lines/lines.js';
import { type InputConfig, inputRules, type LineConfig } from '../../wire/lines.js';

/** An input in the configuration. */
export interface NamedInput {
  /** Its key in the configuration: `gate.compartments.paper.end`. */
  readonly key: string;
  /** The name of its line, as in the daemon. */
  readonly name: string;
  readonly rules: InputRules;
}

export const LID = 'lid';
export const SERVICE = 'service';
export const endSwitchName = (compartment: string): string => `gate-${compartment}.end`;

type Part = 'trigger' | 'gate' | 'fill' | 'panel';

/** Returns every input, in the order of the reference page. */
export const configuredInputs = ({ trigger, gate, fill, panel }: Pick<Config, Part>): NamedInput[] => [
  ...(trigger.driver === 'several'
    ? Object.entries(trigger.sensors).flatMap(([name, sensor]) =>
        sensorInputs(`trigger.sensors.${name}`, `sensor-${name}`, sensor),
      )
    : sensorInputs('trigger', 'sensor', trigger)),
  ...gateInputs(gate),
  ...(fill.driver === 'ultrasonic'
    ? [
        ...Object.entries(fill.sensors).flatMap(([name, { echo }]) =>
          inputIfSet(`fill.sensors.${name}.echo`, `fill-${name}-echo`, echo),
        ),
        ...Object.entries(fill.emptied).flatMap(([name, button]) =>
          inputIfSet(`fill.emptied.${name}`, `emptied-${name}`, button),
        ),
      ]
    : []),
  ...serviceSwitch(panel),
  ...inputIfSet('panel.wrong', 'wrong', panel.wrong),
];

const sensorInputs = (key: string, name: string, trigger: Config['trigger']): NamedInput[] => {
  if (trigger.driver === 'line') return inputIfSet(`${key}.input`, name, trigger.input);
  return trigger.driver === 'ultrasonic' ? inputIfSet(`${key}.echo`, `${name}-echo`, trigger.echo) : [];
};

/** Returns the inputs of the gate, the lid switch first. */
export const gateInputs = (gate: Config['gate']): NamedInput[] =>
  gate.driver === 'simulated'
    ? []
    : [
        ...inputIfSet('gate.lid', LID, gate.lid),
        ...inputIfSet('gate.home', 'gate.home', gate.home),
        ...Object.entries(gate.compartments).flatMap(([name, { end }]) =>
          inputIfSet(`gate.compartments.${name}.end`, endSwitchName(name), end),
        ),
      ];

export const serviceSwitch = ({ service }: Pick<Config['panel'], 'service'>): NamedInput[] =>
  inputIfSet('panel.service', SERVICE, service);

const inputIfSet = (key: string, name: string, config: LineConfig<InputConfig> | null): NamedInput[] =>
  config ? [{ key, name, rules: inputRules(config) }] : [];
