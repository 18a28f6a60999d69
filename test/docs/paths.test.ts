import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../device/kit/root.js';

const root = packageRoot();
const pages = ['.', 'docs', 'device', 'deploy', 'systemd', 'test', 'training'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: folder !== '.' })
    .map((name) => join(folder, String(name)))
    .filter((name) => name.endsWith('.md') && !name.includes('.venv')),
);

const textOf = (page: string): string =>
  readFileSync(join(root, page), 'utf8').replace(/^```[\s\S]*?^```/gm, '');

/** Links to a file or a section, as paths of the repository. */
const linksIn = (page: string): string[] =>
  [...textOf(page).matchAll(/\]\((?!https?:)([^)\s]+)/g)].map(([, to = '']) =>
    to.startsWith('#') ? page + to : join(dirname(page), to),
  );

/** Paths of the repository in inline code. */
const codePathsIn = (page: string): string[] =>
  [...textOf(page).matchAll(/`((?:device|test|docs|deploy)\/[\w./-]+)`/g)].map(([, path = '']) => path);

/** The anchors of the headings of a page, as on GitHub. */
const anchorsOf = (page: string): string[] =>
  [...textOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );

test('every link and every path in the docs names a file or a folder that exists', () => {
  const checked = pages.flatMap((page) =>
    [...linksIn(page), ...codePathsIn(page)].map((path) => ({ page, path })),
  );
  assert.ok(checked.length > 100);
  const isMissing = (path: string) => !existsSync(join(root, path.replace(/#.*/, '')));
  assert.deepEqual(
    checked.filter(({ path }) => isMissing(path)),
    [],
  );
});

test('every link to a section names a heading that exists', () => {
  const checked = pages
    .flatMap((page) => linksIn(page).map((to) => ({ page, to })))
    .filter(({ to }) => /\.md#/.test(to));
  assert.ok(checked.length > 50);
  const isMissing = (to: string) => {
    const [file = '', anchor = ''] = to.split('#');
    return !anchorsOf(file).includes(anchor);
  };
  assert.deepEqual(
    checked.filter(({ to }) => isMissing(to)),
    [],
  );
});
