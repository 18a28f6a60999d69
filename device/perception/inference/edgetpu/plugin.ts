import koffi, { type LibraryHandle } from 'koffi';
import { messageOf, SortbinError } from '../../../kit/errors.js';
import type { Pointer } from '../dynamic-library.js';
import { exportsSymbol, keepLoaded } from '../dynamic-library.js';
import type { EdgeTpuSettings } from '../runtimes.js';
import type { SelectedAccelerator } from './accelerator.js';

/**
 * - `edgetpu-library-missing`: libedgetpu is not installed, or the library is a different one
 * - `edgetpu-no-device`: there is no matching accelerator
 * - `edgetpu-refused`: there is one, but libedgetpu returns no delegate for it
 */
export class EdgeTpuError extends SortbinError<
  'edgetpu-library-missing' | 'edgetpu-no-device' | 'edgetpu-refused'
> {
  override readonly name = 'EdgeTpuError';
}

/** A TensorFlow Lite delegate created by libedgetpu. */
export interface EdgeTpuDelegate {
  readonly pointer: Pointer;
  /** Must be called after the interpreter that uses the delegate was deleted. */
  destroy(): void;
}

type Report = (text: string) => void;

const reporter = koffi.pointer(koffi.proto('EdgeTpuReport', 'void', ['const char *']));

/**
 * Creates a delegate for an accelerator, through the plug-in interface that TensorFlow Lite defines for external
 * delegates.
 * @throws EdgeTpuError
 */
export const createEdgeTpuDelegate = (
  settings: EdgeTpuSettings,
  selected: SelectedAccelerator,
): EdgeTpuDelegate => {
  const library = open(settings.library);
  const create = library.func('tflite_plugin_create_delegate', 'void *', [
    'const char **',
    'const char **',
    'size_t',
    reporter,
  ]);
  const destroy = library.func('tflite_plugin_destroy_delegate', 'void', ['void *']);
  const options = optionsOf(settings, selected);
  const reports: string[] = [];
  const report = koffi.register(((text) => void reports.push(text)) satisfies Report, reporter);
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
    const { kind, path } = selected.accelerator;
    // libedgetpu reports nothing if it finds no device.
    const reason = reports.join(' / ') || `no reason reported. ${LIKELY_REASONS[kind]}`;
    throw new EdgeTpuError(
      'edgetpu-refused',
      `${settings.library}: no delegate for the Edge TPU (${kind}, ${path}): ${reason}. See docs/coral.md.`,
    );
  }
  return { pointer, destroy: () => destroy(pointer) };
};

const LIKELY_REASONS = {
  usb: 'This user may not be in the group plugdev, another program may use the device, or its power supply may be too weak',
  pci: 'This user may not be in the group of the device, another program may use the device, or the kernel has pages of 16 kB',
} as const;

/** libedgetpu reads `Performance` only if `device` names one accelerator. */
const optionsOf = (
  { performance }: EdgeTpuSettings,
  { option, isExact }: SelectedAccelerator,
): Record<string, string> => ({
  device: option,
  ...(isExact && performance !== null
    ? { Performance: performance.charAt(0).toUpperCase() + performance.slice(1) }
    : {}),
});

const SYMBOLS = ['tflite_plugin_create_delegate', 'tflite_plugin_destroy_delegate'];

const open = (path: string): LibraryHandle => {
  let library: LibraryHandle;
  try {
    library = koffi.load(path);
  } catch (cause) {
    throw libraryError(
      `${path}: cannot be loaded (${messageOf(cause)}). Install libedgetpu1-std, see docs/coral.md.`,
      cause,
    );
  }
  const missingSymbol = SYMBOLS.find((symbol) => !exportsSymbol(library, symbol));
  if (missingSymbol)
    throw libraryError(
      `${path}: not libedgetpu, because ${missingSymbol} is missing. Set vision.edgetpu.library.`,
    );
  keepLoaded(path);
  return library;
};

const libraryError = (message: string, cause?: unknown) =>
  new EdgeTpuError('edgetpu-library-missing', message, { cause });
