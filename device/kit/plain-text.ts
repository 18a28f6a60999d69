/** Control characters, line separators, and marks that change the direction of a text. A terminal acts on them. */
const CONTROLS = /[\p{Cc}\p{Bidi_C}\p{Zl}\p{Zp}]/gu;

/** Replaces control characters. A text of a file, a bundle, a library or a network must not control the terminal. */
export const plain = (text: string): string => text.replace(CONTROLS, '\ufffd');

/** Likewise, but keeps line breaks: for messages of several lines, and stack traces. */
export const plainLines = (text: string): string =>
  text.replace(CONTROLS, (control) => (control === '\n' ? control : '\ufffd'));

/** Replaces control characters in all texts and names of a JSON value. */
export const plainJson = <T>(value: T, toPlain = plain): T => {
  const convert = (inner: unknown): unknown => {
    if (typeof inner === 'string') return toPlain(inner);
    if (Array.isArray(inner)) return inner.map(convert);
    if (typeof inner !== 'object' || inner === null) return inner;
    return Object.fromEntries(Object.entries(inner).map(([key, one]) => [plain(key), convert(one)]));
  };
  return convert(value) as T;
};

/** Writes the control characters of a JSON text as escapes. `JSON.stringify` writes some of them as they are. */
export const escapeControls = (json: string): string =>
  json.replace(CONTROLS, (control) =>
    control === '\n' ? control : `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
