import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { packageRoot } from '../../device/kit/root.js';

export interface Automation {
  readonly alias: string;
  readonly [key: string]: unknown;
}

const page = readFileSync(join(packageRoot(), 'docs/home-assistant.md'), 'utf8');

const blocks = (): Record<string, unknown>[] =>
  [...page.matchAll(/```yml\n([\s\S]*?)```/g)].map(([, text = '']) => parse(text));

/** The automations in docs/home-assistant.md. */
export const documentedAutomations = (): Automation[] =>
  blocks().filter((block): block is Automation => 'alias' in block);

/** The ids of all entities that docs/home-assistant.md names. */
export const documentedEntities = (): string[] => [...new Set(page.match(/\b[a-z_]+\.sortbin_bin_\w+/g))];

/** The dashboard in docs/home-assistant.md. */
export const documentedDashboard = (): object => blocks().find((block) => 'views' in block) ?? {};
