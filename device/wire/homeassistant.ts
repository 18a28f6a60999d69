import type { Journal } from '../journal/journal.js';
import type { Clock } from '../kit/clock.js';
import { HomeAssistant } from '../network/homeassistant/homeassistant.js';
import type { Publisher } from '../network/mqtt/mqtt.js';
import type { LoadedConfig } from './loaded-config.js';
import { clientIdOf } from './publisher.js';

/** Opens the announcement to Home Assistant. If it is not enabled, it removes what was announced before. */
export const wireHomeAssistant = (
  { config: { mqtt, bin }, log }: LoadedConfig,
  parts: { readonly publisher: Publisher; readonly journal: Journal; readonly clock: Clock },
): Promise<HomeAssistant> => {
  const { enabled, prefix } = mqtt.homeAssistant;
  return HomeAssistant.open({
    ...parts,
    isEnabled: enabled,
    prefix,
    device: clientIdOf(mqtt.prefix, bin.id),
    base: `${mqtt.prefix}/${bin.id}`,
    random: Math.random,
    log,
  });
};
