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

/** Links to a file, without the anchor, and paths of the repository in inline code. */
const pathsIn = (page: string): string[] => {
  const text = readFileSync(join(root, page), 'utf8').replace(/^```[\s\S]*?^```/gm, '');
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, to = '']) =>
    join(dirname(page), to),
  );
  const code = [...text.matchAll(/`((?:device|test|docs|deploy)\/[\w./-]+)`/g)].map(([, path = '']) => path);
  return [...links, ...code];
};

test('every link and every path in the docs names a file or a folder that exists', () => {
  const checked = pages.flatMap((page) => pathsIn(page).map((path) => ({ page, path })));
  assert.ok(checked.length > 100);
  assert.deepEqual(
    checked.filter(({ path }) => !existsSync(join(root, path))),
    [],
  );
});
