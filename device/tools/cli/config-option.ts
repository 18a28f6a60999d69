export const DEFAULT_FILE = 'sortbin.yaml';

/** The default of a command that names a configuration file, for its help. */
export const DEFAULT_HELP = `$SORTBIN_CONFIG or ${DEFAULT_FILE}`;

/** The file that the environment variable SORTBIN_CONFIG names. */
export const fileOfEnvironment = (): string | undefined => process.env.SORTBIN_CONFIG || undefined;

/** Returns the file that the environment variable SORTBIN_CONFIG names, or sortbin.yaml of the working directory. */
export const defaultFile = (): string => fileOfEnvironment() ?? DEFAULT_FILE;

/** The option of each command that reads a configuration. */
export const CONFIG_OPTION = [
  '-c, --config <file>',
  `configuration file (default: $SORTBIN_CONFIG, or ${DEFAULT_FILE} if it exists)`,
] as const;
