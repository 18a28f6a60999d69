import { createHash } from 'node:crypto';
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageVersion } from '../../device/kit/root.js';
import type { Platform } from './platforms.js';
import { listTree } from './tree.js';

export const MAINTAINER_SCRIPTS = ['postinst', 'prerm', 'postrm'] as const;

const MAINTAINER = 'The sortbin authors <sortbin@localhost>';

/** LiteRT for arm64 needs glibc 2.34. The oldest system that is tested is Debian 12 with glibc 2.36. */
const DEPENDS = [
  'libc6 (>= 2.34)',
  'libgcc-s1',
  'libstdc++6 (>= 12)',
  'init-system-helpers (>= 1.52)',
  'systemd | systemd-standalone-sysusers | systemd-sysusers',
];

/** Names of rpicam-vid's package: Raspberry Pi OS, without and with a desktop. Debian has neither. */
const RECOMMENDS = ['rpicam-apps-lite | rpicam-apps'];
const SUGGESTS = ['libedgetpu1-std', 'mosquitto-clients', 'v4l-utils'];

/** Returns the file control of the package whose files are in `root`. */
export const controlText = async (root: string, { architecture }: Platform): Promise<string> =>
  `Package: sortbin
Version: ${packageVersion()}
Architecture: ${architecture}
Maintainer: ${MAINTAINER}
Installed-Size: ${await installedKib(root)}
Depends: ${DEPENDS.join(', ')}
Recommends: ${RECOMMENDS.join(', ')}
Suggests: ${SUGGESTS.join(', ')}
Section: misc
Priority: optional
Description: sorting bin with a camera and an int8 TFLite model
 A sensor detects an item that somebody throws in. The program takes an image,
 classifies it, moves the gate to the compartment and publishes the event by
 MQTT. It runs unattended on a 64-bit Raspberry Pi OS or Debian.
 .
 The package contains Node.js 24, the native libraries and a model.
`;

/** Returns the file md5sums, which `dpkg --verify` compares with the installed files. */
export const checksumsText = async (root: string): Promise<string> => {
  const lines: string[] = [];
  for (const path of await listTree(root)) {
    if (path.startsWith('DEBIAN/') || (await lstat(join(root, path))).isSymbolicLink()) continue;
    lines.push(
      `${createHash('md5')
        .update(await readFile(join(root, path)))
        .digest('hex')}  ${path}\n`,
    );
  }
  return lines.join('');
};

/** Returns the changelog in Debian's format, with the version of the package. */
export const changelogText = (version: string, date: Date): string =>
  `sortbin (${version}) stable; urgency=medium

  * The changes are in CHANGELOG.md of the project.

 -- ${MAINTAINER}  ${date.toUTCString().replace('GMT', '+0000')}
`;

/** dpkg counts a file in steps of 1 KiB, and a folder or link as 1 KiB. */
const installedKib = async (root: string): Promise<number> => {
  let total = 0;
  for (const path of await listTree(root)) {
    const stats = await lstat(join(root, path));
    total += stats.isSymbolicLink() ? 1 : Math.ceil(stats.size / 1024);
  }
  return total;
};
