import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFilters } from '../src/streams/filter.ts';
import { parseBuckets, parseValueKeys } from '../src/streams/flags.ts';

test('a filter keeps the commas of its expression', () => {
  const [filter] = parseFilters(['print_events,comm,^a{1,3},b$']);
  assert.equal(filter!.map, 'print_events');
  assert.equal(filter!.member, 'comm');
  assert.ok(filter!.pattern.test('aa,b'));
  assert.ok(!filter!.pattern.test('aaaa,c'));
});

test('a filter without an expression or with a broken one is refused in a sentence', () => {
  assert.throws(() => parseFilters(['print_events,comm']), {
    code: 'SKEP_FILTER_INVALID',
    hint: /map,member,regex/,
  });
  assert.throws(() => parseFilters(['print_events,comm,(']), {
    code: 'SKEP_FILTER_INVALID',
    message: /"\(" is not a regular expression/,
  });
});

test('buckets are read with and without brackets', () => {
  assert.deepEqual(
    parseBuckets(['hist_a,[1,2.5,1e3]', 'hist_b,0, 5']),
    new Map([
      ['hist_a', [1, 2.5, 1000]],
      ['hist_b', [0, 5]],
    ]),
  );
});

for (const bad of ['hist_a', 'hist_a,[]', 'hist_a,[1,x]', 'hist_a,[2,1]', 'hist_a,[1,1]', ',[1]']) {
  test(`buckets "${bad}" are refused`, () => {
    assert.throws(() => parseBuckets([bad]), { code: 'SKEP_HIST_INVALID' });
  });
}

test('a value key needs map and member', () => {
  assert.deepEqual(parseValueKeys(['hist_a,lat']), new Map([['hist_a', 'lat']]));
  assert.throws(() => parseValueKeys(['hist_a']), { code: 'SKEP_HIST_INVALID' });
});
