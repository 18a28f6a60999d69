/** The used part of a GPIO of the package onoff 6. */
export interface OnoffGpio {
  /** 1 if the line is active, else 0. */
  readSync(): 0 | 1;
  read(): Promise<0 | 1>;
  watch(callback: (error: Error | null | undefined, value: 0 | 1) => void): void;
  unwatchAll(): void;
  unexport(): void;
}

/** Exports a line, or takes over a line that is already exported. */
export type OnoffConstructor = new (
  number: number,
  /** `high` and `low` make an output with this initial level. */
  direction: 'in' | 'high' | 'low',
  edge: 'none' | 'both',
  options: { readonly activeLow: boolean; readonly debounceTimeout?: number },
) => OnoffGpio;

/** @throws if the package is not installed or not compiled */
export const loadOnoff = async (): Promise<OnoffConstructor> => {
  // A variable, because the compiler resolves literal names and this package is optional.
  const name = 'onoff';
  const loaded: { readonly Gpio: OnoffConstructor } = await import(name);
  return loaded.Gpio;
};
