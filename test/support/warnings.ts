import type { TestContext } from 'node:test';

/** Returns the warnings of Node from now until the end of a test. */
export const collectWarnings = (test: TestContext): readonly string[] => {
  const warnings: string[] = [];
  const onWarning = ({ name, message }: Error) => {
    warnings.push(`${name}: ${message}`);
  };
  process.on('warning', onWarning);
  test.after(() => {
    process.off('warning', onWarning);
  });
  return warnings;
};
