import type { SortbinError } from '../../kit/errors.js';
import type { Bundle } from '../../perception/inference/bundle/bundle.js';
import { countText, fact, type Section } from './doctor.js';

/** Describes a loaded bundle, or the error that prevented loading. `null`: the bundle was not checked. */
export const examineBundle = (found: Bundle | SortbinError | null, exitCode: number): Section => {
  const title = 'bundle';
  if (found === null) {
    const text = 'not checked, because the configuration is invalid';
    return { title, exitCode, checks: [{ name: 'bundle', status: 'note', text }] };
  }
  if (!('manifest' in found)) {
    const { code, message } = found;
    return { title, exitCode, checks: [{ name: 'bundle', status: 'fail', text: message, code }] };
  }
  const { name, version, created, licence, labels, views, runtimes } = found.manifest;
  const models = Object.entries(runtimes).flatMap(([runtime, file]) => (file ? [runtime] : []));
  const { folder } = found;
  return {
    title,
    exitCode,
    checks: [
      fact('bundle', `${name} ${version}, all files match the manifest`, {
        model: name,
        version,
      }),
      fact('folder', folder),
      fact('created', created),
      fact('licence', licence),
      fact('labels', countText(labels.length, 'label'), { labels }),
      fact('views', views.join(', '), { views }),
      fact('models for', models.join(', '), { runtimes: models }),
    ],
  };
};
