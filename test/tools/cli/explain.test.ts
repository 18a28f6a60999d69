import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { withoutMarks } from '../../../device/kit/markdown.js';
import { explainFault, faultCodes } from '../../../device/status/faults/faults.js';
import { EXIT } from '../../../device/tools/cli/failure.js';
import { MAIN } from '../../support/sortbin.js';

const explain = (...args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(MAIN, ['explain', ...args], {
    encoding: 'utf8',
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
  });
  return { status, stdout, stderr };
};

describe('sortbin explain', () => {
  it('prints what a code means, what to do, and where to read more', () => {
    const { status, stdout } = explain('line-denied');
    assert.equal(status, 0);
    assert.match(stdout, /^line-denied\n {2}meaning +The user of the daemon may not use the GPIO chip\.\n/);
    assert.match(stdout, /\n {2}what to do +Add the user to the group gpio/);
    assert.match(stdout, /\n {2}more +docs\/hardware\/wiring\.md#permissions\n$/);
  });

  it('prints the same as JSON, and all codes without one', () => {
    const [one, all] = [explain('line-denied', '--json'), explain('--json')].map(({ stdout }) =>
      JSON.parse(stdout),
    );
    const text = explainFault('line-denied') ?? assert.fail();
    const [meaning, cure] = [withoutMarks(text.meaning), withoutMarks(text.cure)];
    assert.deepEqual(one, { schema: 1, faults: [{ code: 'line-denied', ...text, meaning, cure }] });
    assert.doesNotMatch(JSON.stringify(all), /`/);
    assert.deepEqual(
      all.faults.map(({ code }: { code: string }) => code),
      faultCodes(),
    );
    const { stdout } = explain();
    for (const code of faultCodes()) assert.ok(stdout.includes(`  ${code} `), code);
  });

  it('suggests a similar code for an unknown one', () => {
    const { status, stderr } = explain('camera-bussy');
    assert.equal(status, EXIT.usage);
    assert.equal(stderr, 'sortbin: camera-bussy: unknown fault code. Did you mean camera-busy?\n');
    assert.match(explain('x').stderr, /unknown fault code\. Run "sortbin explain" for a list\.\n$/);
  });
});
