import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { inFolder, Sortbin } from '../support/sortbin.js';

const BIN =
  'trigger: { driver: command }\nvision: { driver: simulated, script: [{ label: paper }] }\n' +
  'gate: { moveMs: 20 }\nmqtt: { embedded: { port: 0 } }\n';

const statusOf = async (folder: string) => {
  const command = new Sortbin(['status', '--json'], folder);
  assert.equal(await command.ended(), 0, command.text);
  return JSON.parse(command.output.join('\n')).value;
};

describe('the http server of a running bin', () => {
  it('answers /healthz, and /metrics with the values of sortbin status', () =>
    inFolder(`${BIN}http: { port: 0 }\n`, async (folder) => {
      const bin = new Sortbin(['run'], folder);
      const { url } = await bin.waitForLog(/^http server started$/);
      assert.match(String(url), /^http:\/\/127\.0\.0\.1:\d+$/);
      await bin.waitForCommands();
      assert.equal(await new Sortbin(['trigger'], folder).ended(), 0);
      await bin.waitForLog(/^item sorted$/);
      const { state, broker, waiting } = await statusOf(folder);
      const health = await fetch(`${url}/healthz`);
      const { status } = (await health.json()) as { status: string };
      assert.deepEqual([health.status, status], [200, 'ok']);
      const text = await (await fetch(`${url}/metrics`)).text();
      assert.deepEqual([state.counters.outcomes, broker.connected, waiting], [{ sorted: 1 }, true, 0]);
      for (const line of [
        'sortbin_items_total{outcome="sorted"} 1',
        'sortbin_items_by_label_total{label="paper"} 1',
        'sortbin_broker_connected 1',
        'sortbin_outbox_events 0',
        'sortbin_step_duration_seconds_count{step="total"} 1',
        'sortbin_cycle_state{state="idle"} 1',
      ])
        assert.ok(text.includes(`${line}\n`), `${line} in\n${text}`);
      assert.match(text, /^sortbin_model_info\{/m);
      assert.match(text, /^sortbin_machine_disk_free_bytes [1-9]/m);
      bin.kill('SIGTERM');
      assert.equal(await bin.ended(), 0);
      await assert.rejects(fetch(`${url}/healthz`));
    }));

  it('raises a fault if its port is in use, and the bin sorts without it', async (t) => {
    const other = createServer().listen(0, '127.0.0.1');
    t.after(() => other.close());
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    await inFolder(`${BIN}http: { port: ${port} }\n`, async (folder) => {
      const bin = new Sortbin(['run'], folder);
      await bin.waitForCommands();
      const command = new Sortbin(['status', '--json'], folder);
      assert.equal(await command.ended(), 1, command.text);
      const { faults, mode } = JSON.parse(command.output.join('\n')).value;
      assert.deepEqual(
        [mode, faults.map(({ code }: { code: string }) => code)],
        ['ready', ['http-not-started']],
      );
      bin.kill('SIGTERM');
      assert.equal(await bin.ended(), 0);
    });
  });

  it('is off by default', () =>
    inFolder(BIN, async (folder) => {
      const bin = new Sortbin(['run'], folder);
      await bin.waitForCommands();
      assert.ok(!bin.text.includes('http server'), bin.text);
      bin.kill('SIGTERM');
      assert.equal(await bin.ended(), 0);
    }));
});
