import { posix } from 'node:path';

/** Licences and notices. They are in one document of the package instead. */
export const LICENCE_FILE = /^(licen[sc]e|copying|notice|third[-_]party)[^/]*$/i;

/** Folders and files that a program never loads. */
const UNUSED_FOLDER =
  /(^|\/)(test|tests|__tests__|example|examples|benchmarks?|docs|man|coverage|integration-test|\.[^/]*)\//;
const UNUSED_FILE =
  /\.(map|d\.[mc]?ts|[mc]?ts|tsx|md|markdown|flow|html|c|cc|cpp|h|hh|hpp|asm|S|inc|def|gyp|gypi|yml|yaml|tgz|bat|ps1|sh|txt|patch)$|(^|\/)\.[^/]*$|(^|\/)(Makefile|(test|bench|benchmark)\.js|tsconfig[^/]*\.json|package-lock\.json|karma[^/]*|gulpfile\.js)$/i;

/** Rules for single packages, the first that matches decides. `keep` and `drop` are patterns of the path in the package. */
const RULES: readonly { readonly name: RegExp; readonly keep?: RegExp; readonly drop?: RegExp }[] = [
  // The files of a browser are 40 MB. Node loads the bundle that `main` names.
  { name: /^@tensorflow\//, keep: /^package\.json$|^dist\/tf-[a-z-]+\.node\.js$|^dist\/[a-z-]+\.wasm$/ },
  // `nan` and `node-addon-api` are headers, `@webgpu/types` and `@types/*` are types.
  { name: /^(nan|node-addon-api|@webgpu\/types|@types\/.*)$/, keep: /^$/ },
  { name: /^@koromix\/koffi-linux-/, drop: /^musl_/ },
  { name: /^koffi$/, drop: /^(doc|vendor)\/|^src\/(?!.*\.c?js$)/ },
  { name: /^@photostructure\/sqlite$/, drop: /^(src|scripts)\// },
  { name: /^node-libcamera$/, drop: /^src\/|\.esm\.js$/ },
  { name: /^mqtt$/, drop: /^(dist|build\/bin)\// },
  { name: /^yaml$/, drop: /^browser\// },
  { name: /^zod$/, drop: /^src\// },
];

/** Native builds of another machine: folders that are named `<os>-<architecture>`. */
const PREBUILD = /(^|\/)prebuilds\/([^/]+)\/(.*)$/;

/** Returns whether the package of `platform` (for example `linux-arm64`) contains the file `path` of the npm package `name`. */
export const isShipped = (name: string, path: string, platform: string): boolean => {
  if (path === 'package.json' && !RULES.some((rule) => rule.name.test(name) && rule.keep?.source === '^$'))
    return true;
  if (LICENCE_FILE.test(posix.basename(path)) || UNUSED_FOLDER.test(path) || UNUSED_FILE.test(path))
    return false;
  const [, , folder, file = ''] = PREBUILD.exec(path) ?? [];
  if (folder !== undefined && (folder !== platform || file.includes('musl'))) return false;
  for (const rule of RULES)
    if (rule.name.test(name)) return (rule.keep?.test(path) ?? true) && !(rule.drop?.test(path) ?? false);
  return true;
};
