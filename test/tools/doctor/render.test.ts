import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Section, verdictOf } from '../../../device/tools/doctor/doctor.js';
import { renderSection } from '../../../device/tools/doctor/render.js';

describe('a report', () => {
  const section: Section = {
    title: 'parts',
    exitCode: 69,
    checks: [
      { name: 'lid', status: 'ok', text: 'shut' },
      {
        name: 'gate',
        status: 'fail',
        text: 'does not come home after a long time\u001b[2J, see the manual of it',
      },
    ],
  };

  it('wraps at the columns of the terminal, and shows no control character of what it tells', () => {
    assert.equal(
      renderSection(section, { colour: false, columns: 42 }),
      'parts\n  ✓ lid   shut\n  ✗ gate  does not come home after a long\n          time\ufffd[2J, see the manual of it\n',
    );
  });

  it('has colours where it may', () => {
    const text = renderSection(section, { colour: true, columns: 200 });
    assert.ok(text.startsWith('\u001b[1mparts\u001b[0m\n  \u001b[32m✓\u001b[0m lid'));
  });

  it('ends with the exit code of the first section that failed', () => {
    const well = { ...section, exitCode: 78, checks: section.checks.slice(0, 1) };
    assert.equal(verdictOf([well, section, { ...section, exitCode: 65 }]), 69);
    assert.equal(verdictOf([well]), 0);
  });
});
