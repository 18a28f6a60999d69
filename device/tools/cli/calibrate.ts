import { Command } from 'commander';
import { parseConfig } from '../../config/load.js';
import { CalibrateError, type Key } from '../calibrate/calibrate.js';
import { calibrateGate, openGate } from '../calibrate/gate-session.js';
import { configuredInputs } from '../calibrate/inputs.js';
import { watchLevels } from '../calibrate/levels.js';
import { confirmAndSave, saveChanges } from '../calibrate/save.js';
import { withLinesOnDemand } from '../calibrate/stopped-bin.js';
import { isQuitKey, plainScreen, readKeys, terminalScreen } from '../calibrate/terminal.js';
import { calibrateCameraCommand } from './calibrate-camera.js';
import { abortOnStop, withExitCode } from './calibrate-run.js';
import { CONFIG_OPTION } from './config-option.js';
import { readConfig } from './loaded-config.js';

interface Flags {
  readonly config?: string;
  readonly json?: boolean;
}

export const calibrateCommand = (): Command =>
  new Command('calibrate')
    .description('show the inputs, and find the values of the gate and the camera, while the bin is stopped')
    .addCommand(
      new Command('levels')
        .description('show the level of each input as it changes, until q or Ctrl-C')
        .option(...CONFIG_OPTION)
        .option('--json', 'print one JSON line per change: {at, input, active, edges}')
        .action((flags: Flags) => withExitCode(levels(flags))),
    )
    .addCommand(
      new Command('gate')
        .description('move the gate while you hold a key, and save the values in the configuration')
        .option(...CONFIG_OPTION)
        .action((flags: Flags) => withExitCode(gate(flags))),
    )
    .addCommand(calibrateCameraCommand());

const levels = async ({ config: file, json = false }: Flags): Promise<void> => {
  const loaded = await readConfig(file);
  const { stdin, stdout } = process;
  const stop = abortOnStop();
  const isLive = !json && stdin.isTTY && stdout.isTTY;
  await withLinesOnDemand(loaded, stop.signal, async (onDemand, clock) => {
    const lines = await onDemand.get();
    const screen = isLive ? terminalScreen(stdout) : plainScreen(stdout);
    const style = json ? 'json' : isLive ? 'live' : 'lines';
    const inputs = configuredInputs(loaded.config);
    await Promise.all([
      watchLevels({ inputs, lines, screen, style, clock }, stop.signal).finally(() => stop.abort()),
      isLive && untilQuit(readKeys(stdin, stop.signal)).finally(() => stop.abort()),
    ]);
  });
};

const untilQuit = async (keys: AsyncIterable<Key>): Promise<void> => {
  for await (const key of keys) if (isQuitKey(key)) return;
};

const gate = async ({ config }: Flags): Promise<void> => {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY)
    throw new CalibrateError(
      'calibrate-no-terminal',
      'sortbin calibrate gate: no terminal. The gate moves while you hold a key. Run it on a terminal, or use ssh -t.',
    );
  const loaded = await readConfig(config);
  const screen = terminalScreen(stdout);
  const stop = abortOnStop();
  const keys = readKeys(stdin, stop.signal);
  try {
    const changes = await withLinesOnDemand(loaded, stop.signal, async (onDemand, clock) => {
      const lines = await onDemand.get();
      const opened = await openGate(loaded.config, lines, clock);
      screen.print(
        'Warning: the gate moves while you hold a key. Remove hands and tools, and close the lid.',
      );
      return calibrateGate({ ...opened, lines, keys, screen, clock });
    });
    // The source is a file here. The default configuration has a simulated gate, which `openGate` refuses.
    const file = loaded.source;
    const parse = (text: string) => parseConfig(text, file);
    await confirmAndSave({ changes, file, keys, screen, save: () => saveChanges({ file, changes, parse }) });
  } finally {
    await keys.return(undefined);
  }
};
