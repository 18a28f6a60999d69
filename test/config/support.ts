import { parseConfig } from '../../device/config/load.js';
import { ConfigError, type Problem } from '../../device/config/problems.js';

/** Returns the ConfigError of parsing `text`. @throws Error if there is none */
export const refusal = (text: string): ConfigError => {
  try {
    parseConfig(text, 'sortbin.yaml');
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error(`accepted: ${text}`);
};

export const messages = (text: string): string[] => refusal(text).problems.map(({ message }) => message);

export const onlyProblem = (text: string): Problem => {
  const { problems } = refusal(text);
  const [problem, ...more] = problems;
  if (!problem || more.length > 0) throw new Error(`not one problem: ${JSON.stringify(problems)}`);
  return problem;
};
