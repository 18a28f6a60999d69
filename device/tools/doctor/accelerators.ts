import {
  type Accelerator,
  findAccelerators,
  temperatureOf,
} from '../../perception/inference/edgetpu/accelerator.js';
import type { Check, Section } from './doctor.js';

/** The Edge TPUs that the kernel shows. `root`: where /dev and /sys lie. */
export const examineAccelerators = async (root = '/'): Promise<Section> => {
  const found = await findAccelerators(root);
  const checks = await Promise.all(found.map((one) => accelerator(one, root)));
  const none: Check = { name: 'edgetpu', status: 'note', text: 'none found' };
  return { title: 'accelerators', exitCode: 0, checks: checks.length > 0 ? checks : [none] };
};

/** Of USB 3, in Mbit/s. */
const FULL_SPEED_MBPS = 5000;

const accelerator = async (found: Accelerator, root: string): Promise<Check> => {
  const { kind, index, path, speedMbps, ready } = found;
  const temperatureC = await temperatureOf(found, root);
  const slow = speedMbps !== null && speedMbps < FULL_SPEED_MBPS;
  const facts = [
    path,
    ...(speedMbps === null ? [] : [`${speedMbps} Mbit/s`]),
    ...(slow ? ['much slower than at a USB 3 port: plug it into a blue one'] : []),
    ...(ready ? [] : ['its firmware is loaded at the first use']),
    ...(temperatureC === null ? [] : [`${temperatureC.toFixed(1)} °C`]),
  ];
  return {
    name: `${kind}:${index}`,
    status: slow ? 'note' : 'ok',
    text: facts.join(', '),
    ...found,
    temperatureC,
  };
};
