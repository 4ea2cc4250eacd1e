import assert from 'node:assert/strict';
import { test } from 'node:test';
import { humanAge } from '../src/output/age.ts';
import { formatObject, formatRows } from '../src/output/format.ts';
import { barLine, progressBar } from '../src/output/progress.ts';
import { humanSize } from '../src/output/size.ts';
import { template } from '../src/output/template.ts';

const rows = [
  { Reference: 'oomkill:1', Size: '6.34kB', Programs: ['a', 'b'], Count: 18446744073709551615n },
  { Reference: 'x:latest', Size: '12B', Programs: [], Count: 1n },
];

test('sizes are docker’s', () => {
  assert.deepEqual([0, 999, 1000, 6336, 1_234_567, 212_000_000, 999_950].map(humanSize), [
    '0B',
    '999B',
    '1kB',
    '6.34kB',
    '1.23MB',
    '212MB',
    '1MB',
  ]);
});

test('ages are docker’s', () => {
  const now = new Date('2026-01-31T12:00:00Z');
  const ago = (seconds: number) => humanAge(new Date(now.getTime() - seconds * 1000), now);
  assert.equal(ago(0), 'Less than a second ago');
  assert.equal(ago(1), '1 second ago');
  assert.equal(ago(119), '1 minute ago');
  assert.equal(ago(7200), '2 hours ago');
  assert.equal(ago(49 * 3600), '2 days ago');
  assert.equal(ago(15 * 86400), '2 weeks ago');
  assert.equal(ago(800 * 86400), '2 years ago');
  assert.equal(humanAge(undefined), 'N/A');
  assert.equal(ago(-100), 'Less than a second ago', 'a clock that was set back');
});

test('a table has a header and no trailing blanks', () => {
  assert.equal(
    formatRows(rows, ['Reference', 'Size']),
    'REFERENCE   SIZE\noomkill:1   6.34kB\nx:latest    12B\n',
  );
  assert.equal(formatRows([], ['Reference', 'Size']), 'REFERENCE   SIZE\n');
});

test('a table template names its columns', () => {
  assert.equal(
    formatRows(rows, [], 'table {{.Size}}\\t{{upper .Reference}}'),
    'SIZE     REFERENCE\n6.34kB   OOMKILL:1\n12B      X:LATEST\n',
  );
});

test('json is an object a line, 64-bit numbers exact', () => {
  const lines = formatRows(rows, [], 'json').trimEnd().split('\n');
  assert.equal(lines.length, 2);
  assert.match(lines[0]!, /"Count":18446744073709551615/);
  assert.equal(JSON.parse(lines[1]!).Reference, 'x:latest');
});

test('templates: fields, functions, blocks, trim', () => {
  const fill = (source: string) => template(source).fill(rows[0]!);
  assert.equal(fill('{{.Reference}} {{json .Programs}}'), 'oomkill:1 ["a","b"]');
  assert.equal(fill('{{range .Programs}}<{{.}}>{{else}}none{{end}}'), '<a><b>');
  assert.equal(fill('{{if eq .Size "6.34kB"}}yes{{else}}no{{end}}'), 'yes');
  assert.equal(fill('{{join .Programs ", " | upper}}'), 'A, B');
  assert.equal(fill('{{len .Programs}}\\t{{index .Programs 1}}'), '2\tb');
  assert.equal(fill('a  {{- .Size -}}  b'), 'a6.34kBb');
  assert.equal(fill('{{with .Programs}}{{len .}}{{end}}'), '2');
  assert.equal(fill('{{not (eq .Size "1")}}'), 'true');
  assert.equal(template('{{range .Programs}}x{{else}}none{{end}}').fill(rows[1]!), 'none');
  assert.equal(formatObject({ A: 1 }, 'json'), '{\n  "A": 1\n}\n');
});

test('templates: variables, chains and functions, as docker inspect takes them', () => {
  const data = { Name: 'x', N: 12, List: [{ A: 1 }, { A: 2 }], Map: { k: 'v', l: ['w'] } };
  const fill = (source: string) => template(source).fill(data);
  assert.equal(fill('{{range $i, $e := .List}}{{$i}}={{$e.A}} {{end}}'), '0=1 1=2 ');
  assert.equal(fill('{{range $k, $v := .Map}}{{$k}}={{$v}};{{end}}'), 'k=v;l=[w];');
  assert.equal(fill('{{range $e := .List}}{{$e.A}}{{$.Name}}{{end}}'), '1x2x');
  assert.equal(fill('{{with $n := .N}}{{$n}}{{.}}{{end}}'), '1212');
  assert.equal(fill('{{$n := .N}}{{range .List}}{{$n}},{{end}}{{json $}}'), `12,12,${JSON.stringify(data)}`);
  assert.equal(fill('{{(index .List 1).A}} {{index .Map "l" 0}} {{(index .Map "l")}}'), '2 w [w]');
  const sizes = '{{if lt .N 10}}small{{else if le .N 12}}middle{{else}}large{{end}}';
  assert.deepEqual(
    [fill(sizes), template(sizes).fill({ N: 9 }), template(sizes).fill({ N: 99 })],
    [...['middle', 'small', 'large']],
  );
  assert.equal(fill('{{/* nothing */}}{{- /* else */ -}}{{slice "abcdef" 1 3}}{{slice .Name 0}}'), 'bcx');
  assert.equal(
    fill('{{printf "%-3s|%3d|%03d|%.1f|%q|%v%%" .Name .N .N 1.26 "a" true}}'),
    'x  | 12|012|1.3|"a"|true%',
  );
  assert.equal(fill('{{.N | printf "%s-%d" .Name}}{{print 1 "b"}}{{pad "c" 1 2}}'), 'x-121b c  ');
  assert.throws(() => fill('{{$nope}}'), { code: 'SKEP_TEMPLATE', message: /no variable '\$nope'/ });
  assert.throws(() => fill('{{range $i := .List}}{{end}}{{$i}}'), /no variable '\$i'/);
  assert.throws(() => fill('{{printf "%d"}}'), /no value for %d/);
  assert.throws(() => fill('{{printf "%y" 1}}'), /does not know %y/);
});

test('a template that is garbage is refused with the place', () => {
  const bad: [string, RegExp][] = [
    ['{{.A', /never closed/],
    ['{{}}', /nothing to print/],
    ['{{nope .A}}', /no function 'nope'/],
    ['{{constructor .A}}', /no function 'constructor'/],
    ['{{range .A}}', /no '\{\{end\}\}'/],
    ['{{end}}', /without a block/],
    ['{{.A | }}', /nothing to print/],
    ['{{.A | .B}}', /needs a function/],
    ['{{$x = 1}}', /cannot read/],
    ['{{if .A}}{{else if .B}}', /no '\{\{end\}\}'/],
    ['{{else if .B}}', /without a block/],
    ['{{(nope .A).B}}', /no function 'nope'/],
    ['{{(.A}}', /never closed/],
    ['{{.A .B}}', /unexpected/],
  ];
  for (const [source, message] of bad)
    assert.throws(() => template(source), { code: 'SKEP_TEMPLATE', message });
  assert.throws(() => template('{{.Sise}}').fill({ Size: 1 }), {
    code: 'SKEP_TEMPLATE',
    message: /there are Size/,
  });
  assert.throws(() => template('{{.__proto__}}').fill({ Size: 1 }), { code: 'SKEP_TEMPLATE' });
});

test('the progress bar fits the terminal and leaves nothing behind', () => {
  const blobs = [
    { done: 500, total: 1000 },
    { done: 1000, total: 1000 },
  ];
  assert.match(
    barLine('pushing x:1', blobs, 80),
    /^pushing x:1 █+░+ {2}75 % {2}1\.5kB of 2kB, 1 of 2 blobs$/,
  );
  for (const columns of [10, 20, 40, 80, 200])
    assert.ok(barLine('pushing x:1', blobs, columns).length < columns);
  const written: string[] = [];
  let time = 0;
  const terminal = { isTTY: true, columns: 60, write: (text: string) => written.push(text) };
  const bar = progressBar(terminal, 'pulling', () => time)!;
  for (let i = 0; i <= 100; i++) bar.update('sha256:a', i, 100);
  assert.equal(written.length, 1, 'at most one in 50 ms');
  time = 60;
  bar.update('sha256:a', 100, 100);
  bar.clear();
  assert.equal(written.length, 3);
  assert.equal(written.at(-1), '\r\x1b[K');
  const before = process.env.TERM;
  process.env.TERM = 'dumb';
  assert.equal(progressBar(terminal, 'pulling'), undefined);
  if (before === undefined) delete process.env.TERM;
  else process.env.TERM = before;
  assert.equal(progressBar({ isTTY: false, write: () => 0 }, 'x'), undefined);
});
