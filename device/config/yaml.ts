import {
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';
import type { Path } from './json-schema.js';
import { ConfigError, type Problem } from './problems.js';

/** Maximum size of a configuration file. A large one has 10 kB. */
export const MAX_BYTES = 1_000_000;
// Limits for the YAML parser, which is recursive and compares each key of a mapping with all others.
const MAX_TOKENS = 50_000;
const MAX_DEPTH = 100;
const MAX_ALIASES = 100;

export interface YamlFile {
  readonly value: unknown;
  /** Returns the line of a value's key, or of the innermost existing mapping or list around it. null: unknown. */
  lineAt(path: Path): number | null;
  /** Returns the comment on the line of a value without quotes. An empty value has one only without a space after the #. */
  commentAfter(path: Path): string | undefined;
}

/**
 * Parses YAML 1.2 with the core schema, one document, string keys and no duplicate keys. An empty file is an empty mapping.
 * @throws ConfigError `config-syntax`
 */
export const readYaml = (text: string, source: string): YamlFile => {
  const syntaxError = (problems: readonly Problem[]) => new ConfigError('config-syntax', source, problems);
  const excess = findExceededLimit(text);
  if (excess) throw syntaxError([syntaxProblem(excess)]);

  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    stringKeys: true,
    prettyErrors: false,
    logLevel: 'error',
    lineCounter: lines,
  });
  const errors = [...document.errors, ...document.warnings];
  if (errors.length > 0)
    throw syntaxError(errors.map((error) => syntaxProblem(errorText(error), lines.linePos(error.pos[0]))));
  visit(document, {
    Pair: (_, { key }) => {
      // In JavaScript this key sets the prototype, so that its value would be lost without a message.
      if (isScalar(key) && key.value === '__proto__')
        throw syntaxError([protoProblem(lines.linePos(key.range?.[0] ?? 0))]);
    },
    Alias: (_, alias) => {
      if (alias.resolve(document) === undefined)
        throw syntaxError([
          syntaxProblem(
            'An alias has no anchor before it. Define the anchor first.',
            lines.linePos(alias.range?.[0] ?? 0),
          ),
        ]);
    },
  });
  const lineAt = (path: Path): number | null => {
    const offset = offsetOf(document.contents, path);
    return offset === null ? null : lines.linePos(offset).line;
  };
  const commentAfter = (path: Path): string | undefined => {
    const node: unknown = document.getIn(path, true);
    if (!isScalar(node) || node.type !== 'PLAIN') return undefined;
    const rest = text.slice(node.range?.[1]);
    if (node.value === null) return node.source === '' ? /^[ \t]*(#\S.*)/.exec(rest)?.[1] : undefined;
    return /^[ \t]+(#.*)/.exec(rest)?.[1];
  };
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    return { value: value ?? {}, lineAt, commentAfter };
  } catch {
    throw syntaxError([syntaxProblem('The aliases expand to too many values. Use fewer aliases.')]);
  }
};

/** Checks the limits before the parser runs, because deep nesting makes the parser overflow the stack. */
const findExceededLimit = (text: string): string | undefined => {
  let tokens = 0;
  let aliases = 0;
  let flow = 0;
  let column = 0;
  for (const token of new Lexer().lex(text)) {
    if (++tokens > MAX_TOKENS) return `Too many YAML tokens. Use at most ${MAX_TOKENS}.`;
    if (token.startsWith('*') && ++aliases > MAX_ALIASES)
      return `Too many aliases. Use at most ${MAX_ALIASES}.`;
    if (token === '[' || token === '{') flow++;
    else if (token === ']' || token === '}') flow = Math.max(0, flow - 1);
    else if (token.startsWith('\n') || token.startsWith('\r')) column = 0;
    // In block style, each level needs a column of indentation or an indicator on the line.
    else if (flow === 0 && /^( +|[-?:])$/.test(token)) column += token.length;
    if (flow > MAX_DEPTH || column > 2 * MAX_DEPTH)
      return `Nested too deeply. Use at most ${MAX_DEPTH} levels.`;
  }
  return undefined;
};

const syntaxProblem = (text: string, at?: { line: number; col: number }): Problem => ({
  path: '',
  value: null,
  allowed: 'YAML 1.2',
  line: at?.line ?? null,
  message: at ? `column ${at.col}: ${text}` : text,
});

const protoProblem = ({ line }: { line: number }): Problem => ({
  path: '__proto__',
  value: null,
  allowed: 'any other key',
  line,
  message: '__proto__: not allowed as a key. Use another name.',
});

const errorText = ({ code, message }: YAMLError): string => {
  if (code === 'MULTIPLE_DOCS') return 'A second YAML document is not allowed. Keep only one.';
  if (code === 'NON_STRING_KEY') return 'A key is not a string. Use strings as keys.';
  // Quotations of the file are removed: they may contain a secret.
  return message.replace(/(?<=\S): .*/s, '').replace(/(escape sequence) .*/s, '$1');
};

const offsetOf = (contents: unknown, path: Path): number | null => {
  let node = contents;
  let offset = isNode(node) ? (node.range?.[0] ?? null) : null;
  for (const key of path) {
    const next: unknown = isMap(node)
      ? node.items.find((pair) => isScalar(pair.key) && pair.key.value === key)
      : isSeq(node) && typeof key === 'number'
        ? node.items[key]
        : undefined;
    const place = isPair(next) ? next.key : next;
    if (!isNode(place)) break;
    offset = place.range?.[0] ?? offset;
    node = isPair(next) ? next.value : next;
  }
  return offset;
};
