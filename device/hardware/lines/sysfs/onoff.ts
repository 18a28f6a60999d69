/** What is used of the package onoff 6. */
export interface OnoffGpio {
  /** 1 or 0, inverted where it is low active. */
  readSync(): 0 | 1;
  read(): Promise<0 | 1>;
  watch(callback: (error: Error | null | undefined, value: 0 | 1) => void): void;
  unwatchAll(): void;
  unexport(): void;
}

/** Exports the line, or takes over one that is exported already. */
export type OnoffConstructor = new (
  number: number,
  /** `high` and `low`: an output that begins so. */
  direction: 'in' | 'high' | 'low',
  edge: 'none' | 'both',
  options: { readonly activeLow: boolean; readonly debounceTimeout?: number },
) => OnoffGpio;

/** @throws where the package is not installed, or was not compiled */
export const loadOnoff = async (): Promise<OnoffConstructor> => {
  // By a name that the compiler does not follow: the package is optional.
  const name = 'onoff';
  const loaded: { readonly Gpio: OnoffConstructor } = await import(name);
  return loaded.Gpio;
};
