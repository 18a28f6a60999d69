import {
  type Accelerator,
  findAccelerators,
  temperatureOf,
} from '../../perception/inference/edgetpu/accelerator.js';
import type { Check, Section } from './doctor.js';

/** Lists the Edge TPUs that the kernel has found. `root`: the folder of /dev and /sys. */
export const examineAccelerators = async (root = '/'): Promise<Section> => {
  const found = await findAccelerators(root);
  const checks = await Promise.all(found.map((one) => acceleratorCheck(one, root)));
  const none: Check = { name: 'edgetpu', status: 'note', text: 'none found' };
  return { title: 'accelerators', exitCode: 0, checks: checks.length > 0 ? checks : [none] };
};

const USB_3_MBPS = 5000;

const acceleratorCheck = async (found: Accelerator, root: string): Promise<Check> => {
  const { kind, index, path, speedMbps, ready } = found;
  const temperatureC = await temperatureOf(found, root);
  const isSlow = speedMbps !== null && speedMbps < USB_3_MBPS;
  const facts = [
    path,
    ...(speedMbps === null ? [] : [`${speedMbps} Mbit/s`]),
    ...(isSlow ? ['slower than USB 3 (use a blue port)'] : []),
    ...(ready ? [] : ['firmware is loaded at first use']),
    ...(temperatureC === null ? [] : [`${temperatureC.toFixed(1)} °C`]),
  ];
  return {
    name: `${kind}:${index}`,
    status: isSlow ? 'note' : 'ok',
    text: facts.join(', '),
    ...found,
    temperatureC,
  };
};
