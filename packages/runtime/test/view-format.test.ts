import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grouped, percent, perSecond, quantile, quantity, shortNumber, uptime } from '../src/view/format.ts';
import { bar, sparkline } from '../src/view/histogram.ts';
import { compareKeys } from '../src/view/model.ts';

test('numbers keep their value and lose their length', () => {
  assert.equal(grouped(1234567), '1,234,567');
  assert.equal(grouped(18446744073709551615n), '18,446,744,073,709,551,615');
  assert.equal(grouped(-1234), '-1,234');
  assert.deepEqual([0, 0.5, 9999, 12_345, 999_999, 1e6, 2.5e9].map(shortNumber), [
    '0',
    '0.50',
    '9999',
    '12.3k',
    '1.00M',
    '1M',
    '2.50G', // biome-ignore format: a list
  ]);
  assert.equal(shortNumber(Number.NaN), '–');
  assert.deepEqual([0, 6, 38.04, 512.3, 12_345].map(perSecond), ['0', '6.0', '38.0', '512', '12.3k']);
});

test('times and sizes take the unit that suits', () => {
  assert.deepEqual(
    [0, 1, 1000, 16_384, 999_999, 1_234_567, 2.5e9].map((v) => quantity(v, 'ns')),
    [
      '0s',
      '1ns',
      '1us',
      '16.4us',
      '1ms',
      '1.23ms',
      '2.5s', // biome-ignore format: a list
    ],
  );
  assert.deepEqual(
    [1, 2048].map((v) => quantity(v, 'us')),
    ['1us', '2.05ms'],
  );
  assert.deepEqual(
    [0, 512, 65_536, 1.5 * 2 ** 30].map((v) => quantity(v, 'bytes')),
    ['0B', '512B', '64KiB', '1.5GiB'],
  );
  assert.equal(quantity(42, 'packets'), '42');
  assert.equal(quantity(42, 'constructor'), '42');
});

test('shares of a core, and how long it runs', () => {
  assert.deepEqual([0, 0.00001, 0.0012, 0.034, 0.5, 2].map(percent), [
    '0%',
    '<0.01%',
    '0.12%',
    '3.4%',
    '50%',
    '200%',
  ]);
  assert.equal(uptime(83_500), '00:01:23');
  assert.equal(uptime((2 * 24 + 3) * 3600e3 + 4000), '2d 03:00:04');
});

test('quantiles lie where a straight line within the bucket puts them', () => {
  const h = { bounds: [10, 20, 40], counts: [10, 10, 0, 0], count: 20, sum: 0 };
  assert.equal(quantile(h, 0.5), 10);
  assert.equal(quantile(h, 0.75), 15);
  assert.equal(quantile(h, 1), 20);
  assert.equal(quantile({ ...h, counts: [0, 0, 0, 5], count: 5 }, 0.5), 40);
  assert.ok(Number.isNaN(quantile({ ...h, counts: [0, 0, 0, 0], count: 0 }, 0.5)));
});

test('bars are exact to an eighth, and never nothing for something', () => {
  assert.equal(bar(1, 4, false), '████');
  assert.equal(bar(0.5, 5, false), '██▌');
  assert.equal(bar(0.000001, 10, false), '▏');
  assert.equal(bar(0, 10, false), '');
  assert.equal(bar(0.5, 10, true), '#####');
});

test('a small drawing joins neighbours when it must', () => {
  const h = { bounds: [1, 2, 3], counts: [1, 0, 2, 8], count: 11, sum: 0 };
  assert.equal(sparkline(h, 10, false), '▁ ▂█');
  assert.equal(sparkline(h, 2, false), '▁█');
  assert.equal(sparkline(h, 10, true), '. :@');
  assert.equal(sparkline({ ...h, count: 0 }, 10, false), '');
});

test('keys of any kind have one order', () => {
  const keys = ['b', 10n, 2, 'a', 2n ** 64n, 1.5];
  assert.deepEqual(keys.toSorted(compareKeys), [1.5, 2, 10n, 2n ** 64n, 'a', 'b']);
});
