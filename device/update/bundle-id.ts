/** The identity of a bundle: `name` and `version` of its manifest.json. */
export interface BundleId {
  readonly name: string;
  readonly version: string;
}

// Files that each bundle has. The manifest names the others.
export const MANIFEST_FILE = 'manifest.json';
export const LABELS_FILE = 'labels.txt';

const NAME = /^[a-z0-9][a-z0-9-]{0,39}$/;

/** Semantic versioning 2.0.0 without build metadata: two builds of one version would have no order. */
const VERSION =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?$/;

const FILE_PART = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

const MAX_VERSION_LENGTH = 64;
const MAX_FILE_LENGTH = 255;
const MAX_FILE_PARTS = 4;

/** Returns whether `text` is a name of a bundle: `a` to `z`, digits and `-`, at most 40 characters. */
export const isBundleName = (text: string): boolean => NAME.test(text);

/** Returns whether `text` is a semantic version such as `1.4.0` or `1.4.0-rc.1`, of at most 64 characters. */
export const isBundleVersion = (text: string): boolean =>
  text.length <= MAX_VERSION_LENGTH && VERSION.test(text);

/**
 * Returns whether `text` is the path of a file in a bundle, such as `labels.txt` or `golden/inputs.json`: at most 4
 * parts and 255 characters. A part starts with a letter or digit, so that it cannot be `..` or a hidden file.
 */
export const isBundleFile = (text: string): boolean => {
  const parts = text.split('/');
  return (
    text.length <= MAX_FILE_LENGTH &&
    parts.length <= MAX_FILE_PARTS &&
    parts.every((part) => FILE_PART.test(part))
  );
};

/** Returns a bundle id as text: `waste12@1.4.0`. */
export const textOf = ({ name, version }: BundleId): string => `${name}@${version}`;

/**
 * Compares two versions by the precedence of semantic versioning: negative if `a` is older, positive if it is newer, 0
 * if they are equal. A pre-release is older than its release.
 */
export const compareVersions = (a: string, b: string): number => {
  const [left, right] = [VERSION.exec(a), VERSION.exec(b)];
  if (!left || !right) throw new RangeError(`${left ? b : a}: not a semantic version such as 1.4.0`);
  for (const part of [1, 2, 3]) {
    const order = compareNumbers(left[part] ?? '', right[part] ?? '');
    if (order !== 0) return order;
  }
  return comparePreReleases(left[4], right[4]);
};

/** Compares by length first, because a version may have more digits than a number holds. */
const compareNumbers = (a: string, b: string): number => a.length - b.length || compareTexts(a, b);

const compareTexts = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);

const comparePreReleases = (a: string | undefined, b: string | undefined): number => {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  const [left, right] = [a.split('.'), b.split('.')];
  for (const [index, part] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    const order = compareIdentifiers(part, other);
    if (order !== 0) return order;
  }
  return left.length - right.length;
};

const compareIdentifiers = (a: string, b: string): number => {
  const [leftIsNumber, rightIsNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (leftIsNumber && rightIsNumber) return compareNumbers(a, b);
  if (leftIsNumber !== rightIsNumber) return leftIsNumber ? -1 : 1;
  return compareTexts(a, b);
};
