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
import { ConfigError, type Problem } from './errors.js';
import type { Path } from './json-schema.js';

/** A config file's size in bytes; a large one has 10 kB. */
export const MAX_BYTES = 1_000_000;
// Bounds on what the YAML parser does with the file: it recurses, and compares each key with all others.
const MAX_TOKENS = 50_000;
const MAX_DEPTH = 100;
const MAX_ALIASES = 100;

export interface YamlFile {
  readonly value: unknown;
  /** The line of a value's key, or of the innermost thing around it that is there; null where there is none. */
  lineAt(path: Path): number | null;
}

/**
 * Reads YAML 1.2 (core schema, one document, text keys, no key twice); an empty file is an empty mapping.
 * @throws ConfigError `config-syntax`
 */
export const readYaml = (text: string, source: string): YamlFile => {
  const refuse = (problems: readonly Problem[]) => new ConfigError('config-syntax', source, problems);
  const excess = excessOf(text);
  if (excess) throw refuse([syntaxProblem(excess)]);

  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    stringKeys: true,
    prettyErrors: false,
    logLevel: 'error',
    lineCounter: lines,
  });
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0)
    throw refuse(faults.map((fault) => syntaxProblem(wordsOf(fault), lines.linePos(fault.pos[0]))));
  visit(document, {
    Pair: (_, { key }) => {
      // JavaScript gives this key a meaning of its own, so that it would get lost in silence.
      if (isScalar(key) && key.value === '__proto__')
        throw refuse([protoProblem(lines.linePos(key.range?.[0] ?? 0))]);
    },
    Alias: (_, alias) => {
      if (alias.resolve(document) === undefined)
        throw refuse([
          syntaxProblem('An alias needs its anchor before it', lines.linePos(alias.range?.[0] ?? 0)),
        ]);
    },
  });
  const lineAt = (path: Path): number | null => {
    const offset = offsetOf(document.contents, path);
    return offset === null ? null : lines.linePos(offset).line;
  };
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    return { value: value ?? {}, lineAt };
  } catch {
    throw refuse([syntaxProblem('The aliases unfold to too much')]);
  }
};

/** Counted before parsing: the parser's own answer to hostile nesting is to run out of stack. */
const excessOf = (text: string): string | undefined => {
  let tokens = 0;
  let aliases = 0;
  let flow = 0;
  let column = 0;
  for (const token of new Lexer().lex(text)) {
    if (++tokens > MAX_TOKENS) return `More than ${MAX_TOKENS} YAML tokens`;
    if (token.startsWith('*') && ++aliases > MAX_ALIASES) return `More than ${MAX_ALIASES} aliases`;
    if (token === '[' || token === '{') flow++;
    else if (token === ']' || token === '}') flow = Math.max(0, flow - 1);
    else if (token.startsWith('\n') || token.startsWith('\r')) column = 0;
    // In a block each level takes a column or an indicator of its line.
    else if (flow === 0 && /^( +|[-?:])$/.test(token)) column += token.length;
    if (flow > MAX_DEPTH || column > 2 * MAX_DEPTH) return `Nested more than ${MAX_DEPTH} deep`;
  }
  return undefined;
};

const syntaxProblem = (what: string, at?: { line: number; col: number }): Problem => ({
  path: '',
  value: null,
  allowed: 'YAML 1.2',
  line: at?.line ?? null,
  message: at ? `column ${at.col}: ${what}` : what,
});

const protoProblem = ({ line }: { line: number }): Problem => ({
  path: '__proto__',
  value: null,
  allowed: 'any other key',
  line,
  message: '__proto__: not allowed as a key',
});

const wordsOf = ({ code, message }: YAMLError): string => {
  if (code === 'MULTIPLE_DOCS') return 'Only one document is allowed';
  if (code === 'NON_STRING_KEY') return 'Keys must be texts';
  // Where the message quotes the file, it might quote a secret.
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
