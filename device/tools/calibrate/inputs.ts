import type { Config } from '../../config/schema.js';
import type { InputRules } from '../../hardware/lines/lines.js';
import { type InputConfig, inputRules, type LineConfig } from '../../wire/lines.js';

/** An input that the configuration names. */
export interface NamedInput {
  /** Of the configuration: `gate.compartments.paper.end`. */
  readonly key: string;
  /** The line's own name, as the running bin calls it. */
  readonly name: string;
  readonly rules: InputRules;
}

type Part = 'trigger' | 'gate' | 'fill' | 'panel';

/** Every input, in the order of the reference page. */
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
          named(`fill.sensors.${name}.echo`, `fill-${name}-echo`, echo),
        ),
        ...Object.entries(fill.emptied).flatMap(([name, button]) =>
          named(`fill.emptied.${name}`, `emptied-${name}`, button),
        ),
      ]
    : []),
  ...serviceSwitch(panel),
  ...named('panel.wrong', 'wrong', panel.wrong),
];

const sensorInputs = (key: string, name: string, trigger: Config['trigger']): NamedInput[] => {
  if (trigger.driver === 'line') return named(`${key}.input`, name, trigger.input);
  return trigger.driver === 'ultrasonic' ? named(`${key}.echo`, `${name}-echo`, trigger.echo) : [];
};

/** Of the gate: its finger guard first. */
export const gateInputs = (gate: Config['gate']): NamedInput[] =>
  gate.driver === 'simulated'
    ? []
    : [
        ...named('gate.lid', LID, gate.lid),
        ...named('gate.home', 'gate.home', gate.home),
        ...Object.entries(gate.compartments).flatMap(([name, { end }]) =>
          named(`gate.compartments.${name}.end`, endName(name), end),
        ),
      ];

/** While it is active there are hands in the bin. */
export const serviceSwitch = ({ service }: Pick<Config['panel'], 'service'>): NamedInput[] =>
  named('panel.service', SERVICE, service);

export const LID = 'lid';
export const SERVICE = 'service';
export const endName = (compartment: string): string => `gate-${compartment}.end`;

const named = (key: string, name: string, config: LineConfig<InputConfig> | null): NamedInput[] =>
  config ? [{ key, name, rules: inputRules(config) }] : [];
