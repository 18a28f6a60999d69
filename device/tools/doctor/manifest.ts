import type { Manifest } from '../../perception/inference/bundle/manifest.js';
import { bytesText, type Check, countText, fact, type Section } from './doctor.js';

/** A source of training data or base weights, from the manifest. */
export interface Source {
  readonly what: string;
  readonly name: string;
  readonly licence: string;
}

/** Describes a manifest. loadBundle has already validated it. */
export const describeManifest = (manifest: Manifest, sources: readonly Source[]): Section[] => {
  const { name, version, created, licence, labels, input, views, calibration, policy, validation } = manifest;
  const { temperature, unfamiliar } = calibration;
  return [
    section(`${name} ${version}`, [
      fact('created', created),
      fact('licence', licence),
      fact('labels', `${labels.length}: ${labels.join(', ')}`),
      fact('input', `${input.width} x ${input.height} ${input.colour}`),
      fact('views', `${views.join(', ')} times the sides of the region`),
      fact('temperature', `${temperature}`),
      fact(
        'unfamiliar',
        unfamiliar
          ? `out of distribution if the ${unfamiliar.score} is above ${unfamiliar.threshold}`
          : 'not detected',
      ),
      fact('policy', `confidence ${policy.confidence}, margin ${policy.margin}`),
    ]),
    section('runtimes', runtimeFacts(manifest)),
    ...(validation ? [section('validation', figures(validation))] : []),
    ...(sources.length > 0
      ? [
          section(
            'sources',
            sources.map(({ what, name, licence }) => fact(what, `${name}: ${licence}`)),
          ),
        ]
      : []),
  ].filter(({ checks }) => checks.length > 0);
};

const section = (title: string, checks: readonly Check[]): Section => ({ title, checks, exitCode: 0 });

const runtimeFacts = ({ runtimes, outputs }: Manifest): Check[] =>
  Object.entries(runtimes).flatMap(([runtime, model]) => {
    if (!model) return [];
    const weights = 'weights' in model ? model.weights : [];
    const bytes = [model, ...weights].reduce((sum, file) => sum + file.bytes, 0);
    const { kernels, exact, maxLogitDifference, minEmbeddingCosine } = model.golden;
    const names = Object.entries(outputs).flatMap(([output, of]) => {
      const tensor = of?.[runtime as keyof typeof of];
      return tensor === undefined ? [] : [`${output} ${tensor}`];
    });
    return [
      fact(
        runtime,
        [
          `${model.file}${weights.length > 0 ? ` and ${countText(weights.length, 'weight file')}` : ''}`,
          `${bytesText(bytes)}, sha256 ${model.sha256.slice(0, 12)}…`,
          `golden samples from ${kernels}${exact ? ', bit-identical on these kernels' : ''}`,
          `tolerance${exact ? ' for other kernels' : ''}: logit difference at most ${maxLogitDifference}, embedding cosine at least ${minEmbeddingCosine}`,
          `outputs: ${names.join(', ')}`,
        ].join('\n'),
      ),
    ];
  });

/** Flattens JSON, two levels per line, so that figures that this version does not know appear too. */
const figures = (json: Readonly<Record<string, unknown>>, path = ''): Check[] =>
  Object.entries(json).flatMap(([key, value]) => {
    const name = path ? `${path} ${key}` : key;
    if (!isRecord(value)) return [fact(name, valueText(value))];
    if (Object.values(value).some(isRecord)) return figures(value, name);
    const pairs = Object.entries(value).map(([inner, one]) => `${inner} ${valueText(one)}`);
    return [fact(name, pairs.join(', '))];
  });

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const valueText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
