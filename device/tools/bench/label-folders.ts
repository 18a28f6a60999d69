import { basename, dirname } from 'node:path';

/** A folder of images whose name is not a label of the model. */
export interface UnknownLabel {
  readonly folder: string;
  readonly images: number;
  /** The label that the name resembles; null if there is none. */
  readonly similar: string | null;
}

/** Returns the name of an image's folder; '' for an image at the top. */
export const folderOf = (file: string): string => {
  const folder = basename(dirname(file));
  return folder === '.' ? '' : folder;
};

/** Lists the folders that label no image, sorted by name. */
export const unknownLabels = (files: readonly string[], labels: readonly string[]): UnknownLabel[] => {
  const counts = new Map<string, number>();
  for (const folder of files.map(folderOf))
    if (folder && !labels.includes(folder)) counts.set(folder, (counts.get(folder) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([folder, images]) => ({ folder, images, similar: similarLabel(folder, labels) }));
};

/** Returns the label with the fewest edits, if it differs in at most a third of its letters. Case does not count. */
const similarLabel = (folder: string, labels: readonly string[]): string | null => {
  const name = folder.toLowerCase().replace(/[\s_]+/g, '-');
  const [best] = labels
    .map((label) => ({ label, edits: editsBetween(name, label.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  return best && best.edits <= best.label.length / 3 ? best.label : null;
};

/** Returns the Levenshtein distance. */
const editsBetween = (one: string, other: string): number => {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...one].entries()) {
    const next = [index + 1];
    for (const [at, against] of [...other].entries())
      next.push(
        Math.min((row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1, (row[at] ?? 0) + Number(letter !== against)),
      );
    row = next;
  }
  return row.at(-1) ?? 0;
};
