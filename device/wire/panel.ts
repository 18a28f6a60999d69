import type { Logger } from 'pino';
import type { Config } from '../config/schema.js';
import type { Output } from '../hardware/lines/lines.js';
import { LineLight, noLight } from '../hardware/panel/light.js';
import { LinePanel } from '../hardware/panel/line-panel.js';
import type { Panel } from '../hardware/panel/panel.js';
import type { Clock } from '../kit/clock.js';
import { inputRules, type LinesOnDemand, outputRules, unwrap } from './lines.js';

/** Edges that follow the last press of a button within this time belong to the same press. */
export const PRESS_GAP_MS = 500;

/** Returns the output of the camera light. null: none is configured. @throws SortbinError if it is unavailable */
export const openLight = async (
  { panel: { light } }: Pick<Config, 'panel'>,
  lines: LinesOnDemand,
): Promise<Output | null> =>
  light && unwrap(await (await lines.get()).output('light', { ...outputRules(light.output), ...UNGROUPED }));

const UNGROUPED = { group: null, guards: [] };

/** @throws SortbinError if a line is unavailable */
export const makePanel = async (
  { panel }: Pick<Config, 'panel'>,
  lines: LinesOnDemand,
  clock: Clock,
  log: Logger,
): Promise<Panel> => {
  const outputs = new Map<string, Output>();
  for (const [name, config] of Object.entries(panel.outputs))
    outputs.set(
      name,
      unwrap(await (await lines.get()).output(`sign-${name}`, { ...outputRules(config), ...UNGROUPED })),
    );
  const { light, wrong } = panel;
  const lamp = await openLight({ panel }, lines);
  const button = wrong && unwrap(await (await lines.get()).input('wrong', inputRules(wrong)));
  const indicatorsOf = (configs: Config['panel']['ready']) =>
    configs.flatMap(({ output: name, onOffMs, repeat }) => {
      const output = outputs.get(name);
      return output
        ? [{ output, pattern: onOffMs.length > 0 ? { onOffMs, repeat } : ('steady' as const) }]
        : [];
    });
  return new LinePanel({
    indicators: {
      ready: indicatorsOf(panel.ready),
      busy: indicatorsOf(panel.busy),
      refused: indicatorsOf(panel.refused),
      fault: indicatorsOf(panel.fault),
    },
    light: light && lamp ? new LineLight({ output: lamp, settleMs: light.settleMs, clock }) : noLight,
    wrong: button && { input: button, minGapMs: PRESS_GAP_MS },
    clock,
    onFault: (output, fault) => {
      if (fault) log.warn({ part: output, code: fault.code }, `${output}: ${fault.message}`);
    },
  });
};
