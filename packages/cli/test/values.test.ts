import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkRunFlags, type RunFlags } from '../src/run/flags.ts';
import { collectPairs, parseCount, parseDuration, parseListen } from '../src/values.ts';

test('durations', () => {
  const parse = parseDuration('--timeout');
  const good: [string, number][] = [
    ['500ms', 500],
    ['10', 10_000],
    ['1.5', 1500],
    ['1m30s', 90_000],
    ['2h', 7_200_000],
    ['0.5s', 500],
  ];
  for (const [text, ms] of good) assert.equal(parse(text), ms, text);
  for (const text of ['', '0', 's', '10x', '-1', '1m 30s', '1d', 'abc10s', '1000h', '0.1ms', 'NaN', '1e3']) {
    assert.throws(() => parse(text), { code: 'SKEP_USAGE' }, text);
  }
});

test('counts', () => {
  assert.equal(parseCount('--n')('12'), 12);
  for (const text of ['0', '-1', '1.5', 'x', '', '1e3', '99999999999999999999']) {
    assert.throws(() => parseCount('--n')(text), { code: 'SKEP_USAGE' }, text);
  }
});

test('addresses to listen on', () => {
  const parse = parseListen('--prom-listen');
  const good: [string, string, number][] = [
    ['9091', '127.0.0.1', 9091],
    [':9091', '::', 9091],
    ['0.0.0.0:80', '0.0.0.0', 80],
    ['localhost:0', 'localhost', 0],
    ['[::1]:9091', '::1', 9091],
  ];
  for (const [text, host, port] of good) assert.deepEqual(parse(text), { host, port }, text);
  for (const text of ['', 'localhost', '::1:9091', '1.2.3.4:70000', 'a:b', ':']) {
    assert.throws(() => parse(text), { code: 'SKEP_USAGE' }, text);
  }
});

test('NAME=VALUE pairs', () => {
  const collect = collectPairs('--set');
  assert.deepEqual(collect('a=b=c', collect('x=1')), { x: '1', a: 'b=c' });
  assert.deepEqual(collect('a='), { a: '' });
  for (const text of ['', 'a', '=b']) assert.throws(() => collect(text), { code: 'SKEP_USAGE' }, text);
  assert.throws(() => collectPairs('--hook', 'GROUP=RUNG', 'calls=kprobe')('calls'), {
    message: '--hook: "calls" is not GROUP=RUNG',
    hint: 'For example --hook calls=kprobe.',
  });
});

test('a picture and its text are two files', () => {
  const flags = { prom: true, tty: true, flame: 'cpu.svg' } as RunFlags;
  checkRunFlags({ ...flags, folded: 'cpu.txt' });
  assert.throws(() => checkRunFlags({ ...flags, folded: 'cpu.svg' }), { code: 'SKEP_USAGE' });
});
