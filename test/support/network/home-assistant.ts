import type { DiscoveryInfo } from '../../../device/network/homeassistant/discovery.js';
import type { Capabilities } from '../../../device/status/info.js';

export const NAMES = { device: 'sortbin-kitchen', base: 'sortbin/kitchen' };

/** The identity of a bin with two compartments and nothing beside them. */
export const someInfo = (
  replaced: Partial<DiscoveryInfo> = {},
  capabilities: Partial<Capabilities> = {},
): DiscoveryInfo => ({
  bin: { id: 'kitchen', name: 'Kitchen' },
  sortbin: '1.0.0',
  compartments: { paper: ['paper'], glass: ['white-glass'] },
  capabilities: { fill: [], trigger: false, updates: false, image: false, ...capabilities },
  commands: [],
  ...replaced,
});
