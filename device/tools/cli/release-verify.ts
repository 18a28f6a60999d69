import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { SystemClock } from '../../kit/clock.js';
import { plain } from '../../kit/plain-text.js';
import type { Check } from '../doctor/doctor.js';
import { renderSection } from '../doctor/render.js';
import { ReleaseError } from '../release/release.js';
import { abortOnStop } from './calibrate-run.js';
import { EXIT } from './failure.js';
import { exitCodesHelp, printJson, terminalStyle } from './report.js';

// The commands that only read a repository.

interface VerifyFlags {
  readonly root: string;
  readonly warnDays?: number;
  readonly json?: boolean;
}

export const verifyCommand = (): Command =>
  new Command('verify')
    .description('verify a repository from outside, like a bin: all metadata, and every file')
    .argument('<repository>', 'URL or folder of the repository')
    .requiredOption('--root <file>', 'root that a bin trusts, such as metadata/1.root.json')
    .option(
      '--warn-days <n>',
      'warn this long before an expiry (default: a quarter of the lifetime)',
      (text) => parseWhole(text, 365),
    )
    .option('--json', 'print {schema, roles, files, bytes} as JSON')
    .addHelpText(
      'after',
      exitCodesHelp({
        0: 'the repository is valid',
        [EXIT.data]: 'it is damaged, not signed as the root demands, or expired',
        [EXIT.input]: 'the root cannot be read',
        [EXIT.unavailable]:
          'it cannot be reached, or it is valid but expires soon, or was signed in the future',
      }),
    )
    .action(async (source: string, { root, warnDays, json = false }: VerifyFlags) => {
      const { verifyRepository } = await import('../release/verify.js');
      const nowMs = new SystemClock().wallMs();
      const { roles, files, bytes } = await verifyRepository({ source, root, warnDays, nowMs });
      if (json) printJson({ schema: 1, roles, files, bytes });
      else {
        const checks = roles.map(
          ({ role, version, expires, daysLeft, isExpiring }): Check => ({
            name: role,
            status: isExpiring ? 'note' : 'ok',
            text: `version ${version}, expires ${plain(expires)}, in ${daysLeft} days`,
          }),
        );
        checks.push({ name: 'files', status: 'ok', text: `${files}, ${bytes} bytes, all as signed` });
        const section = { title: 'repository', checks, exitCode: EXIT.unavailable };
        process.stdout.write(renderSection(section, terminalStyle()));
      }
      const expiring = roles.flatMap(({ role, isExpiring }) => (isExpiring ? [role] : []));
      if (expiring.length > 0)
        throw new ReleaseError(
          'release-expiring',
          `${source}: ${expiring.join(', ')} will expire soon. Run "sortbin release sign" with the keys of these roles.`,
        );
    });

export const serveCommand = (): Command =>
  new Command('serve')
    .description('serve a repository over HTTP, to try it on a laptop')
    .argument('<repository>', 'folder of the repository')
    .option('--port <n>', 'TCP port; 0 selects a free one', (text) => parseWhole(text, 65_535), 8080)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .action(async (repository: string, { port, host }: { port: number; host: string }) => {
      const [{ readState, metadataPath }, { serveRepository }] = await Promise.all([
        import('../release/folder/state.js'),
        import('../release/serve.js'),
      ]);
      readState(repository);
      const stop = abortOnStop();
      const server = await serveRepository(repository, host, port);
      const root = resolve(metadataPath(repository, '1.root.json'));
      process.stdout.write(`Serving ${plain(resolve(repository))}. Ctrl-C stops it.\n`);
      process.stdout.write(`For the configuration of a bin:\n\n${plain(configLine(server.url, root))}\n`);
      await new Promise<void>((ended) =>
        stop.signal.addEventListener('abort', () => ended(), { once: true }),
      );
      await server.close();
    });

const configLine = (url: string, root: string): string =>
  `update: { url: ${JSON.stringify(url)}, root: ${JSON.stringify(root)} }`;

/** Parses a whole number of an option. */
export const parseWhole = (text: string, max: number): number => {
  if (/^\d{1,6}$/.test(text) && Number(text) <= max) return Number(text);
  throw new InvalidArgumentError(`Use a whole number from 0 to ${max}.`);
};
