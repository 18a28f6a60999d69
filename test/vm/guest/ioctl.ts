import koffi from 'koffi';

const callIoctl = koffi
  .load('libc.so.6')
  .func('int ioctl(int file, unsigned long request, _Inout_ uint8_t *argument)');

/**
 * Calls ioctl. The kernel reads and writes `argument`.
 * @throws an Error whose `code` is EBUSY, ENODEV, EINVAL or the number of another error.
 */
export const ioctl = (file: number, request: number, argument: Buffer): void => {
  if (callIoctl(file, request, argument) >= 0) return;
  const { EBUSY, ENODEV, EINVAL } = koffi.os.errno;
  const code = { [`${EBUSY}`]: 'EBUSY', [`${ENODEV}`]: 'ENODEV', [`${EINVAL}`]: 'EINVAL' }[koffi.errno()];
  throw Object.assign(new Error(`ioctl ${request.toString(16)}: ${code ?? koffi.errno()}`), { code });
};
