import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Check, type Section, verdictOf } from '../../../device/tools/doctor/doctor.js';
import { renderSection } from '../../../device/tools/doctor/render.js';

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

describe('renderSection', () => {
  it('wraps at the width of the terminal, and replaces control characters', () => {
    assert.equal(
      renderSection(section, { colour: false, columns: 42 }),
      'parts\n  ✓ lid   shut\n  ✗ gate  does not come home after a long\n          time\ufffd[2J, see the manual of it\n',
    );
  });

  it('uses colours if they are allowed', () => {
    const text = renderSection(section, { colour: true, columns: 200 });
    assert.ok(text.startsWith('\u001b[1mparts\u001b[0m\n  \u001b[32m✓\u001b[0m lid'));
  });

  it('puts a word that is too long on its own line, and wraps the text after it', () => {
    const path = '/opt/sortbin/dist/device/perception/inference/tfjs-node.js';
    const text = `cannot be loaded from ${path} because the package is missing here`;
    const long: Section = { ...section, checks: [{ name: 'tfjs', status: 'note', text }] };
    assert.equal(
      renderSection(long, { colour: false, columns: 42 }),
      `parts\n  · tfjs  cannot be loaded from\n          ${path}\n          because the package is missing\n          here\n`,
    );
  });

  it('moves a word that is too long for the column to the left, so that it fits', () => {
    const path = '/dev/v4l/by-id/usb-Webcam-video0';
    const check: Check = { name: '/dev/video0', status: 'ok', text: `HD Webcam.\nstable path: ${path}` };
    assert.equal(
      renderSection({ ...section, checks: [check] }, { colour: false, columns: 42 }),
      `parts\n  ✓ /dev/video0  HD Webcam.\n                 stable path:\n    ${path}\n`,
    );
    // At the beginning of a text, too.
    assert.equal(
      renderSection(
        { ...section, checks: [{ ...check, text: `${path} is busy` }] },
        { colour: false, columns: 42 },
      ),
      `parts\n  ✓ /dev/video0\n    ${path}\n                 is busy\n`,
    );
  });

  it('shows the check "taken" as "selected"', () => {
    const selected: Section = { ...section, checks: [{ name: 'taken', status: 'ok', text: 'tflite' }] };
    assert.equal(renderSection(selected, { colour: false, columns: 42 }), 'parts\n  ✓ selected  tflite\n');
  });
});

describe('verdictOf', () => {
  it('returns the exit code of the first section with a failed check', () => {
    const passed = { ...section, exitCode: 78, checks: section.checks.slice(0, 1) };
    assert.equal(verdictOf([passed, section, { ...section, exitCode: 65 }]), 69);
    assert.equal(verdictOf([passed]), 0);
  });
});
