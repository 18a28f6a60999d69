import { lexer, type Token, type Tokens } from 'marked';
import ts from 'typescript';
import type { Prose } from './rules.js';

/** Returns the prose of a file, by the extension of its name. */
export const proseOf = (name: string, text: string): Prose[] => {
  if (name.endsWith('.md')) return markdownProse(text);
  if (name.endsWith('.ts')) return typescriptProse(text);
  return hashOrBlockProse(text);
};

const plain = (tokens: readonly Token[]): string =>
  tokens
    .map((token) => {
      if (token.type === 'codespan') return 'Code';
      if (token.type === 'image' || token.type === 'html') return '';
      if (token.type === 'br') return ' ';
      return 'tokens' in token && token.tokens
        ? plain(token.tokens)
        : 'text' in token
          ? String(token.text)
          : '';
    })
    .join('');

const markdownProse = (text: string): Prose[] => {
  const found: Prose[] = [];
  let offset = 0;
  const lineOf = (raw: string): number => {
    const at = text.indexOf(raw.split('\n')[0] ?? '', offset);
    if (at >= 0) offset = at;
    return text.slice(0, offset).split('\n').length;
  };
  const visit = (token: Token): void => {
    const line = lineOf(token.raw);
    if (token.type === 'table') {
      const table = token as Tokens.Table;
      for (const cell of [...table.header, ...table.rows.flat()])
        found.push({ kind: 'cell', line: lineOf(cell.text), text: plain(cell.tokens) });
    } else if (token.type === 'paragraph' || token.type === 'heading' || token.type === 'text') {
      const inner = 'tokens' in token && token.tokens ? token.tokens : [];
      found.push({ kind: 'paragraph', line, text: plain(inner).replaceAll('\n', ' ') });
    } else if (token.type === 'list') for (const item of (token as Tokens.List).items) visit(item);
    else if ('tokens' in token && token.tokens) for (const inner of token.tokens) visit(inner);
  };
  for (const token of lexer(text)) visit(token);
  return found;
};

const INLINE_CODE = /`[^`]*`/g;

/** A comment without its marks; each tag of a docstring is a sentence. */
const commentText = (raw: string): string =>
  raw
    .replace(/^\/\*+|\*+\/$/g, '')
    .replace(/^\s*(\/\/+|\*(?!\*)|#+!?)/gm, '')
    .replace(/^ {3,}/gm, '\n\n')
    .replace(INLINE_CODE, 'Code')
    .replace(/\s*@(throws|param|returns)/g, '. @$1')
    .replace(/\s*\n\s*(?=-|\d+\.)/g, '\n\n')
    .replace(/\s*\n\s*/g, (gap) => (gap.split('\n').length > 2 ? '\n\n' : ' '))
    .trim();

/** A message has words with spaces in one line. A name has no space; SQL, YAML and scripts have more than one line. */
const isMessage = (text: string): boolean => /[a-z]{2,} [a-z]{2,}/.test(text) && !text.includes('\n');

const typescriptProse = (text: string): Prose[] => {
  const found: Prose[] = [];
  const file = ts.createSourceFile('file.ts', text, ts.ScriptTarget.Latest, true);
  const lineAt = (position: number) => file.getLineAndCharacterOfPosition(position).line + 1;
  const seen = new Set<number>();
  const comments = (node: ts.Node): void => {
    const ranges = ts.getLeadingCommentRanges(text, node.getFullStart()) ?? [];
    let run: { line: number; end: number; raw: string } | null = null;
    for (const { pos, end, kind } of [...ranges, ...(ts.getTrailingCommentRanges(text, node.end) ?? [])]) {
      if (seen.has(pos)) continue;
      seen.add(pos);
      const raw = text.slice(pos, end);
      const line = lineAt(pos);
      if (run && kind === ts.SyntaxKind.SingleLineCommentTrivia && line === run.end + 1) {
        run = { line: run.line, end: line, raw: `${run.raw}\n${raw}` };
        continue;
      }
      if (run) found.push({ kind: 'comment', line: run.line, text: commentText(run.raw) });
      run = { line, end: lineAt(end), raw };
    }
    if (run) found.push({ kind: 'comment', line: run.line, text: commentText(run.raw) });
  };
  const visit = (node: ts.Node): void => {
    comments(node);
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) {
      if (isMessage(node.text))
        found.push({
          kind: 'message',
          line: lineAt(node.getStart()),
          text: node.text.replace(INLINE_CODE, 'Code'),
        });
    } else if (ts.isTemplateExpression(node)) {
      const parts = [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)];
      const joined = parts.join('value');
      if (isMessage(joined))
        found.push({
          kind: 'message',
          line: lineAt(node.getStart()),
          text: joined.replace(INLINE_CODE, 'Code'),
        });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
};

/** Python, C and shell: comment runs, block comments, docstrings and strings with a space. */
const hashOrBlockProse = (text: string): Prose[] => {
  const patterns: readonly (readonly [RegExp, Prose['kind']])[] = [
    [/"""[\s\S]*?"""|\/\*[\s\S]*?\*\//g, 'comment'],
    [/(?:^[ \t]*(?:#(?!include|define|if|endif|else|undef|pragma)|\/\/)(?!!).*\n?)+/gm, 'comment'],
    [/"(?!"")(?:[^"\\\n]|\\.)*"/g, 'message'],
  ];
  return patterns.flatMap(([pattern, kind]) =>
    [...text.matchAll(pattern)].flatMap(({ 0: raw, index }): Prose[] => {
      const content = commentText(raw.replace(/^"+|"+$/g, ''));
      if (kind === 'message' ? !isMessage(content) : !/[a-z]/.test(content)) return [];
      return [{ kind, line: text.slice(0, index).split('\n').length, text: content }];
    }),
  );
};
