import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { listImages } from '../../../device/hardware/camera/image-files.js';
import { decode } from '../../../device/perception/vision/decode.js';
import type { DecodedImage } from '../../../device/perception/vision/raw.js';
import { SAMPLES } from '../../support/bin.js';
import { factoryBundle } from '../../support/bundle-copy.js';
import { scanDataAt } from '../../support/jpeg.js';

const jpeg = await readFile(join(factoryBundle(), 'golden', 'cardboard226.jpg'));

const decoded = async (bytes: Uint8Array): Promise<DecodedImage> => {
  const answer = await decode(bytes);
  assert.ok(answer.ok, answer.ok ? '' : answer.fault.message);
  return answer.value;
};

const isBroken = async (bytes: Uint8Array, message: RegExp) => {
  const answer = await decode(bytes);
  assert.ok(!answer.ok);
  assert.equal(answer.fault.code, 'picture-broken');
  assert.match(answer.fault.message, message);
};

test('a greyscale image has three equal channels', async () => {
  const grey = await decoded(await sharp(jpeg).greyscale().jpeg().toBuffer());
  assert.equal(grey.data.length, grey.width * grey.height * 3);
  for (let at = 0; at < grey.data.length; at += 3001 * 3) {
    assert.equal(grey.data[at], grey.data[at + 1]);
    assert.equal(grey.data[at], grey.data[at + 2]);
  }
});

test('16 bits per channel, a palette and CMYK are converted to 8 bits of RGB', async () => {
  const image = sharp(jpeg).resize(40, 30);
  for (const bytes of [
    await image.clone().toColourspace('rgb16').png().toBuffer(),
    await image.clone().png({ palette: true }).toBuffer(),
    await image.clone().toColourspace('cmyk').jpeg().toBuffer(),
  ]) {
    const { data, width, height } = await decoded(bytes);
    assert.deepEqual([width, height, data.length], [40, 30, 40 * 30 * 3]);
  }
});

test('refuses a truncated JPEG, PNG and WebP', async () => {
  const half = (bytes: Uint8Array) => bytes.subarray(0, bytes.length >> 1);
  await isBroken(half(jpeg), /is damaged \(VipsJpeg: Corrupt JPEG data: premature end of data segment\)\./);
  await isBroken(half(await sharp(jpeg).png().toBuffer()), /cannot be decoded/);
  await isBroken(half(await sharp(jpeg).webp().toBuffer()), /cannot be decoded/);
  await isBroken(jpeg.subarray(0, 3), /cannot be decoded/);
});

test('refuses a header that announces a huge image', async () => {
  const png = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  png.writeUInt32BE(60_000, 16);
  png.writeUInt32BE(60_000, 20);
  png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
  await isBroken(png, /exceeds pixel limit/);
  const bomb = await sharp(jpeg).jpeg().toBuffer();
  const frame = bomb.indexOf(Buffer.from([0xff, 0xc0]));
  bomb.writeUInt16BE(60_000, frame + 5);
  bomb.writeUInt16BE(60_000, frame + 7);
  await isBroken(bomb, /exceeds pixel limit/);
  bomb.writeUInt16BE(6_000, frame + 5);
  bomb.writeUInt16BE(8_000, frame + 7);
  await isBroken(bomb, /is too short for 8000 x 6000 pixels/);
});

test('refuses all other formats without decoding them', async () => {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
  const gif = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
    .gif()
    .toBuffer();
  for (const bytes of [Buffer.from('hello'), Buffer.alloc(0), Buffer.alloc(100), Buffer.from(svg), gif]) {
    await isBroken(bytes, /is not a JPEG, PNG or WebP file/);
  }
});

test('refuses an image with too many bytes', async () => {
  const large = Buffer.alloc((32 << 20) + 1);
  jpeg.copy(large);
  await isBroken(large, /33554433 bytes\) is larger than 33554432 bytes/);
});

const samples = await Promise.all((await listImages(SAMPLES)).map((name) => readFile(join(SAMPLES, name))));

test('accepts each sample, also without its end marker and with padding', async () => {
  assert.equal(samples.length, 47);
  for (const sample of samples) {
    const expected = await decoded(sample);
    assert.deepEqual(await decoded(sample.subarray(0, -2)), expected);
    assert.deepEqual(await decoded(Buffer.concat([sample, Buffer.alloc(99)])), expected);
  }
});

test('refuses a JPEG whose last rows are missing', async () => {
  for (const sample of samples.slice(0, 8)) await isBroken(sample.subarray(0, -20), /is damaged/);
});

test('refuses a JPEG whose scan is zeroed from any place', async () => {
  for (const [index, sample] of samples.entries()) {
    const zeroed = Buffer.from(sample);
    const from = scanDataAt(zeroed) + Math.floor(((zeroed.length - scanDataAt(zeroed)) * (index + 1)) / 50);
    await isBroken(zeroed.fill(0, from, zeroed.length - 2), /is damaged/);
  }
});

/** Bytes may be lost without a trace, if the rest fits by chance: these five of 47. */
test('refuses a JPEG that lost 512 bytes of its scan', async () => {
  let accepted = 0;
  for (const sample of samples) {
    const at = (scanDataAt(sample) + sample.length) >> 1;
    const answer = await decode(Buffer.concat([sample.subarray(0, at), sample.subarray(at + 512)]));
    if (answer.ok) accepted += 1;
    else assert.equal(answer.fault.code, 'picture-broken');
  }
  assert.ok(accepted <= 5, `${accepted} of ${samples.length} accepted`);
});

/** Returns a JPEG whose scan announces a wrong last coefficient, as Samsung phones write it. */
const withInvalidScanParameters = (whole: Uint8Array): Buffer => {
  const bytes = Buffer.from(whole);
  const end = scanDataAt(bytes);
  bytes[end - 2] = 0;
  return bytes;
};

test('accepts the invalid scan parameters of Samsung phones, but no damage besides', async () => {
  const baseline = await sharp(jpeg).jpeg().toBuffer();
  const samsung = withInvalidScanParameters(baseline);
  assert.deepEqual(await decoded(samsung), await decoded(baseline));
  await isBroken(samsung.subarray(0, -200), /is damaged/);
});

/** Appends bytes to the scan. They decode to nothing. */
const withScanPadding = (whole: Uint8Array, count: number) =>
  Buffer.concat([whole.subarray(0, -2), Buffer.alloc(count, 0x55), whole.subarray(-2)]);

test('accepts the few padding bytes that webcams write into the scan, but not many', async () => {
  assert.deepEqual(await decoded(withScanPadding(jpeg, 10)), await decoded(jpeg));
  await isBroken(withScanPadding(jpeg, 40), /is damaged \(VipsJpeg: Corrupt JPEG data: 3\d extraneous bytes/);
});

test('accepts the smallest JPEG of an image of one colour', async () => {
  const image = sharp({ create: { width: 2_000, height: 1_500, channels: 3, background: 'grey' } });
  for (const options of [{}, { progressive: true }, { quality: 1 }])
    assert.equal((await decoded(await image.clone().greyscale().jpeg(options).toBuffer())).width, 2_000);
});

test('applies the orientation of EXIF data', async () => {
  const image = sharp(jpeg).resize(40, 30);
  const upright = await decoded(await image.clone().png().toBuffer());
  const turned = await decoded(await image.clone().withMetadata({ orientation: 6 }).png().toBuffer());
  assert.deepEqual([turned.width, turned.height], [30, 40]);
  const { data } = await sharp(upright.data, { raw: { width: 40, height: 30, channels: 3 } })
    .rotate(90)
    .raw()
    .toBuffer({ resolveWithObject: true });
  assert.deepEqual(turned.data, data);
});
