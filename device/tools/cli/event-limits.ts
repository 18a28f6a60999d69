import type { BinEvent } from '../../cycle/event.js';
import { bundleFolder } from '../../wire/model.js';
import { fitToModel } from '../doctor/model-fit.js';
import { loadBundleOrError } from './examinations.js';
import type { CommandConfig } from './loaded-config.js';

/** What a decision depended on, and what its event does not contain. */
export interface EventLimits {
  /** Labels that the bin refuses. */
  readonly refused: readonly string[];
  /** An item with a higher score is unfamiliar. null: the model has no such rule. */
  readonly unfamiliar: number | null;
}

/** Returns the limits of the present configuration and model. null: the event is from another model. */
export const readLimits = async (
  loaded: CommandConfig,
  { model }: Pick<BinEvent, 'model'>,
): Promise<EventLimits | null> => {
  const bundle = await loadBundleOrError(bundleFolder(loaded));
  if (!('manifest' in bundle)) return null;
  const { name, version, calibration } = bundle.manifest;
  if (name !== model?.name || version !== model.version) return null;
  const fit = fitToModel(loaded.config, bundle.manifest);
  if ('fault' in fit) return null;
  return { refused: [...fit.policy.refuse], unfamiliar: calibration.unfamiliar?.threshold ?? null };
};
