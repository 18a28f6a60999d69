import koffi, { type LibraryHandle } from 'koffi';
import { messageOf, SortbinError } from '../../../kit/errors.js';
import type { EdgeTpuSettings } from '../runtimes.js';
import type { Pointer } from '../shared-library.js';
import { exportsSymbol, keepLoaded } from '../shared-library.js';
import type { Chosen } from './accelerator.js';

/**
 * `edgetpu-library-missing`: libedgetpu is not installed, or not it; `edgetpu-no-device`: there is no accelerator;
 * `edgetpu-refused`: there is one, but libedgetpu gives no delegate for it.
 */
export class EdgeTpuError extends SortbinError<
  'edgetpu-library-missing' | 'edgetpu-no-device' | 'edgetpu-refused'
> {
  override readonly name = 'EdgeTpuError';
}

/** A delegate of libedgetpu. */
export interface EdgeTpuDelegate {
  readonly pointer: Pointer;
  /** After the interpreter that used it was deleted. */
  destroy(): void;
}

type Report = (text: string) => void;

const reporter = koffi.pointer(koffi.proto('EdgeTpuReport', 'void', ['const char *']));

/** Has libedgetpu make a delegate for an accelerator, by the plug-in interface of external delegates. @throws EdgeTpuError */
export const createEdgeTpuDelegate = (settings: EdgeTpuSettings, chosen: Chosen): EdgeTpuDelegate => {
  const library = open(settings.library);
  const create = library.func('tflite_plugin_create_delegate', 'void *', [
    'const char **',
    'const char **',
    'size_t',
    reporter,
  ]);
  const destroy = library.func('tflite_plugin_destroy_delegate', 'void', ['void *']);
  const options = optionsOf(settings, chosen);
  const said: string[] = [];
  const report = koffi.register(((text) => void said.push(text)) satisfies Report, reporter);
  let pointer: Pointer;
  try {
    pointer = create(
      Object.keys(options),
      Object.values(options),
      Object.keys(options).length,
      report,
    ) as Pointer;
  } finally {
    koffi.unregister(report);
  }
  if (!pointer) {
    const { kind, path } = chosen.accelerator;
    // libedgetpu itself says nothing where it finds no device.
    const reason = said.join(' / ') || `it does not say why; ${LIKELY[kind]}`;
    throw new EdgeTpuError(
      'edgetpu-refused',
      `${settings.library} gives no delegate for the Edge TPU (${kind}, ${path}): ${reason}; see docs/coral.md`,
    );
  }
  return { pointer, destroy: () => destroy(pointer) };
};

const LIKELY = {
  usb: 'this user may not be in the group plugdev, another program may hold it, or it may lack power',
  pci: 'this user may not open it (give its group to the user), another program may hold it, or the kernel has pages of 16 kB',
} as const;

/** libedgetpu heeds `Performance` only where `device` names one accelerator. */
const optionsOf = ({ performance }: EdgeTpuSettings, { option, exact }: Chosen): Record<string, string> => ({
  device: option,
  ...(exact && performance !== null
    ? { Performance: performance.charAt(0).toUpperCase() + performance.slice(1) }
    : {}),
});

const SYMBOLS = ['tflite_plugin_create_delegate', 'tflite_plugin_destroy_delegate'];

const open = (path: string): LibraryHandle => {
  let library: LibraryHandle;
  try {
    library = koffi.load(path);
  } catch (cause) {
    throw missing(
      `${path} cannot be loaded (${messageOf(cause)}); install libedgetpu1-std: docs/coral.md`,
      cause,
    );
  }
  const lacking = SYMBOLS.find((symbol) => !exportsSymbol(library, symbol));
  if (lacking) throw missing(`${path} has no ${lacking}: it is not libedgetpu; set vision.edgetpu.library`);
  keepLoaded(path);
  return library;
};

const missing = (what: string, cause?: unknown) =>
  new EdgeTpuError('edgetpu-library-missing', what, { cause });
