import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sha256 } from '../native/fetch.js';
import { type ShippedNode, zigProgram } from './cached-package.js';
import { cacheFolder, type Platform } from './platforms.js';

/** The first compilation also builds the C++ library of zig. */
const DEADLINE_MS = 1_200_000;

/** The flags of node-gyp for a release build that change the result. */
const FLAGS = ['-std=c++20', '-O2', '-s', '-shared', '-fPIC', '-fno-rtti', '-Wno-deprecated-declarations'];
const DEFINES = ['-DNODE_GYP_MODULE_NAME=epoll', '-DBUILDING_NODE_EXTENSION'];

/** Where the package `epoll` looks for its addon. */
export const EPOLL_ADDON = 'epoll/build/Release/epoll.node';

/**
 * Compiles the addon of `epoll`, which the driver `sysfs` uses through `onoff`, for the shipped Node. Returns its path.
 * `modules`: the folder node_modules with epoll and nan.
 */
export const compileEpoll = async (
  platform: Platform,
  node: ShippedNode,
  modules: string,
): Promise<string> => {
  const source = join(modules, 'epoll/src/epoll.cc');
  const nan = await readFile(join(modules, 'nan/package.json'), 'utf8');
  const key = [await readFile(source, 'utf8'), nan, node.file.sha256, platform.target, ...FLAGS, ...DEFINES];
  const output = join(cacheFolder(), `epoll-${sha256(Buffer.from(key.join('\n'))).slice(0, 16)}.node`);
  if (existsSync(output)) return output;
  const zig = await zigProgram();
  await chmod(zig, 0o755);
  const caches = join(cacheFolder(), 'zig');
  await mkdir(caches, { recursive: true });
  const includes = [`-I${join(node.folder, 'include/node')}`, `-I${join(modules, 'nan')}`];
  await promisify(execFile)(
    zig,
    ['c++', '-target', platform.target, ...FLAGS, ...DEFINES, ...includes, source, '-o', `${output}.new`],
    {
      env: { ...process.env, ZIG_GLOBAL_CACHE_DIR: caches, ZIG_LOCAL_CACHE_DIR: caches },
      timeout: DEADLINE_MS,
    },
  );
  await rename(`${output}.new`, output);
  return output;
};
