import { readdirSync, readFileSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { DatabaseSync } from '@photostructure/sqlite';
import sharp from 'sharp';
import { table } from '../../device/tools/bench/render.js';
import { percentiles } from '../../device/tools/bench/report.js';
import { SAMPLES } from '../support/bin.js';
import { fakeProgram } from '../support/hardware/fake-program.js';
import { FakeRpicam } from '../support/hardware/fake-rpicam.js';
import { FakeSortbinCamera } from '../support/hardware/fake-sortbin-camera.js';
import { VARIANTS } from '../support/hardware/scenes.js';
import { withComment } from '../support/jpeg.js';
import { inFolder, Sortbin } from '../support/sortbin.js';

/**
 * `npm run bench:camera-items [-- --items 100]`: runs a bin with each camera driver, in a separate process, with frames
 * of 640 x 480 pixels at 15 per second. The items come at times that have nothing to do with the frames. The programs
 * of the cameras are fakes, so that the figures contain no sensor.
 */
const { values } = parseArgs({ options: { items: { type: 'string', default: '100' } } });
const ITEMS = Number(values.items);
const EVERY_MS = 487;
const WARM_UP = 5;
const STREAM = 'width: 640, height: 480, framesPerSecond: 15, dropFrames: 3';

const samples = (await readdir(SAMPLES, { recursive: true })).filter((name) => name.endsWith('.jpg')).sort();
const jpegs: Buffer[] = [];
for (const sample of samples) {
  const image = sharp(join(SAMPLES, sample)).resize(640, 480, { fit: 'fill' });
  jpegs.push(await image.jpeg({ quality: 94, optimiseCoding: false }).toBuffer());
}

/** Returns the pixels of a sample in YUYV, BT.601 in the limited range. */
const yuyvOf = async (jpeg: Buffer): Promise<Buffer> => {
  const rgb = await sharp(jpeg).raw().toBuffer();
  const bytes = Buffer.alloc((rgb.length / 3) * 2);
  for (let at = 0, to = 0; at < rgb.length; at += 3) {
    const [r = 0, g = 0, b = 0] = rgb.subarray(at, at + 3);
    bytes[to++] = 16 + 0.257 * r + 0.504 * g + 0.098 * b;
    bytes[to++] =
      to % 4 === 2 ? 128 - 0.148 * r - 0.291 * g + 0.439 * b : 128 + 0.439 * r - 0.368 * g - 0.071 * b;
  }
  return bytes;
};
const raws = await Promise.all(jpegs.slice(0, VARIANTS).map(yuyvOf));

/** A fake sortbin-camera that shows the samples. */
class Webcam extends FakeSortbinCamera {
  override readonly size = { width: 640, height: 480 };
  override readonly strideBytes = 1_280;
  #count = 0;

  constructor(override readonly format: 'MJPG' | 'YUYV') {
    super();
  }

  override frame(): Buffer {
    this.#count += 1;
    if (this.format === 'YUYV') {
      const bytes = Buffer.from(raws[this.#count % raws.length] ?? '');
      // Like sensor noise, the number makes each image different.
      bytes.writeUInt32LE(this.#count);
      return bytes;
    }
    return withComment(jpegs[this.#count % jpegs.length] ?? Buffer.alloc(0), `${this.#count}`);
  }
}

interface Proc {
  readonly pid: number;
  readonly name: string;
  readonly residentMb: number;
}

/** Returns a process and its descendants. */
const tree = (pid: number): Proc[] => {
  const status = (of: string) => {
    try {
      return readFileSync(`/proc/${of}/status`, 'utf8');
    } catch {
      return '';
    }
  };
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const field = (text: string, name: string) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(text)?.[1] ?? '';
  const own = status(`${pid}`);
  const children = all.filter((other) => Number(field(status(other), 'PPid')) === pid);
  return [
    { pid, name: field(own, 'Name'), residentMb: Number(field(own, 'VmRSS')) / 1024 },
    ...children.flatMap((child) => tree(Number(child))),
  ];
};

interface StoredEvent {
  readonly frame: object | null;
  readonly timingsMs: Readonly<Record<string, number>>;
}

const eventsOf = (journal: string): StoredEvent[] => {
  try {
    const db = new DatabaseSync(journal, { readOnly: true });
    const rows = db.prepare('select body from rows where seq is not null order by seq').all();
    db.close();
    return rows.map((row) => JSON.parse((row as { body: string }).body));
  } catch {
    return [];
  }
};

const measure = async (driver: string, camera: string): Promise<string[]> => {
  const config = [
    `camera: ${camera}`,
    `trigger: { driver: interval, everyMs: ${EVERY_MS} }`,
    'gate: { moveMs: 0 }',
    'mqtt: { embedded: { port: 0 } }',
    'log: { format: json, level: warn }',
  ];
  let events: StoredEvent[] = [];
  let processes: Proc[] = [];
  await inFolder(config.join('\n'), async (folder) => {
    const sortbin = new Sortbin(['run'], folder);
    const journal = join(folder, 'data/journal.db');
    while (eventsOf(journal).length < ITEMS + WARM_UP) await wait(1_000);
    processes = tree(sortbin.pid);
    sortbin.kill('SIGTERM');
    await sortbin.ended();
    events = eventsOf(journal).slice(WARM_UP);
  });
  const sorted = events.filter(({ timingsMs }) => timingsMs.invoke !== undefined);
  const times = (...steps: string[]) => {
    const sums = sorted.map(({ timingsMs }) => steps.reduce((sum, step) => sum + (timingsMs[step] ?? 0), 0));
    const { p50, p95 } = percentiles(sums);
    return [p50.toFixed(0), p95.toFixed(0)];
  };
  const memory = processes.map(({ name, residentMb }) => `${name} ${residentMb.toFixed(0)}`).join(' + ');
  const decision = times('decode', 'region', 'invoke', 'decide');
  return [driver, ...times('capture'), ...decision, `${sorted.length} of ${events.length}`, memory];
};

const rpicam = new FakeRpicam();
for (let variant = 0; variant < VARIANTS; variant++)
  await writeFile(join(rpicam.folder, `normal-${variant}.jpg`), jpegs[variant] ?? '');
const webcam = await new Webcam('MJPG').start();
const rawWebcam = await new Webcam('YUYV').start();
const ends: (() => Promise<void>)[] = [];
const after = (end: () => Promise<void>) => void ends.push(end);
/** A rpicam-still that takes no time: it copies the images in turn. */
const still = await fakeProgram(
  { after },
  'rpicam-still',
  `count=$(( ($(cat '${rpicam.folder}/count' 2>/dev/null || echo 0) + 1) % ${VARIANTS} ))
echo $count > '${rpicam.folder}/count'
cp "${rpicam.folder}/normal-$count.jpg" still.jpg`,
);
const v4l2 = ({ program, device }: Webcam) =>
  `{ driver: v4l2, program: ${program}, device: ${device}, ${STREAM} }`;
const rows = [
  await measure('simulated', '{ driver: simulated }'),
  await measure('rpicam', `{ driver: rpicam, program: ${rpicam.program}, ${STREAM} }`),
  await measure('v4l2, MJPEG', v4l2(webcam)),
  await measure('v4l2, YUYV', v4l2(rawWebcam)),
  await measure(
    'node-libcamera',
    `{ driver: node-libcamera, program: ${still}, width: 640, height: 480, captureMs: 2000 }`,
  ),
];
await Promise.all([webcam.stop(), rawWebcam.stop(), ...ends.map((end) => end())]);
rpicam.remove();
const head = ['driver', 'to frame p50', 'p95', 'to decision p50', 'p95 ms', 'items', 'resident MB'];
process.stdout.write(
  `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model}\n${table(head, rows)}\n`,
);
