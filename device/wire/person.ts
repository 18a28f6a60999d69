import type { Logger } from 'pino';
import type { Config } from '../config/schema.js';
import type { Output } from '../hardware/lines/lines.js';
import { LineLight, noLight } from '../hardware/panel/light.js';
import { LinePerson } from '../hardware/panel/line-person.js';
import type { Person } from '../hardware/panel/panel.js';
import type { Clock } from '../kit/clock.js';
import { inputRules, type LinesOnDemand, outputRules, taken } from './lines.js';

/** What comes within so long of the last press is the same press. */
export const PRESS_GAP_MS = 500;

/** @throws SortbinError where a line cannot be had */
export const makePerson = async (
  { person }: Pick<Config, 'person'>,
  lines: LinesOnDemand,
  clock: Clock,
  log: Logger,
): Promise<Person> => {
  const alone = { group: null, guards: [] };
  const outputs = new Map<string, Output>();
  for (const [name, config] of Object.entries(person.outputs))
    outputs.set(
      name,
      taken(await (await lines.get()).output(`sign-${name}`, { ...outputRules(config), ...alone })),
    );
  const { light, wrong } = person;
  const lamp =
    light && taken(await (await lines.get()).output('light', { ...outputRules(light.output), ...alone }));
  const button = wrong && taken(await (await lines.get()).input('wrong', inputRules(wrong)));
  const signs = (shown: Config['person']['ready']) =>
    shown.flatMap(({ output: name, onOffMs, repeat }) => {
      const output = outputs.get(name);
      return output
        ? [{ output, pattern: onOffMs.length > 0 ? { onOffMs, repeat } : ('steady' as const) }]
        : [];
    });
  return new LinePerson({
    signs: {
      ready: signs(person.ready),
      busy: signs(person.busy),
      refused: signs(person.refused),
      fault: signs(person.fault),
    },
    light: light && lamp ? new LineLight({ output: lamp, settleMs: light.settleMs, clock }) : noLight,
    wrong: button && { input: button, minGapMs: PRESS_GAP_MS },
    clock,
    onFault: (output, fault) => {
      if (fault) log.warn(`${output}: ${fault.message}`);
    },
  });
};
