import type { Logger } from 'pino';
import type { Config } from '../config/schema.js';
import type { Output } from '../hardware/lines/lines.js';
import { LineLight, noLight } from '../hardware/panel/light.js';
import { LinePanel } from '../hardware/panel/line-panel.js';
import type { Panel } from '../hardware/panel/panel.js';
import type { Clock } from '../kit/clock.js';
import { inputRules, type LinesOnDemand, outputRules, unwrap } from './lines.js';

/** What comes within so long of the last press is the same press. */
export const PRESS_GAP_MS = 500;

/** @throws SortbinError where a line cannot be had */
export const makePanel = async (
  { panel }: Pick<Config, 'panel'>,
  lines: LinesOnDemand,
  clock: Clock,
  log: Logger,
): Promise<Panel> => {
  const alone = { group: null, guards: [] };
  const outputs = new Map<string, Output>();
  for (const [name, config] of Object.entries(panel.outputs))
    outputs.set(
      name,
      unwrap(await (await lines.get()).output(`sign-${name}`, { ...outputRules(config), ...alone })),
    );
  const { light, wrong } = panel;
  const lamp =
    light && unwrap(await (await lines.get()).output('light', { ...outputRules(light.output), ...alone }));
  const button = wrong && unwrap(await (await lines.get()).input('wrong', inputRules(wrong)));
  const signs = (shown: Config['panel']['ready']) =>
    shown.flatMap(({ output: name, onOffMs, repeat }) => {
      const output = outputs.get(name);
      return output
        ? [{ output, pattern: onOffMs.length > 0 ? { onOffMs, repeat } : ('steady' as const) }]
        : [];
    });
  return new LinePanel({
    indicators: {
      ready: signs(panel.ready),
      busy: signs(panel.busy),
      refused: signs(panel.refused),
      fault: signs(panel.fault),
    },
    light: light && lamp ? new LineLight({ output: lamp, settleMs: light.settleMs, clock }) : noLight,
    wrong: button && { input: button, minGapMs: PRESS_GAP_MS },
    clock,
    onFault: (output, fault) => {
      if (fault) log.warn(`${output}: ${fault.message}`);
    },
  });
};
