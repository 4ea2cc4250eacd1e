/** The code in the guide to writing probes compiles, and its whole programs pass the verifier. */
import { deepStrictEqual, ok, rejects } from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { BpfObject, quickFacts } from '@skep/bpf';
import { chooseRung, compile, describeObject, judgeHook, readMetadata } from '@skep/probe';
import { blocks, root } from './documents.ts';

const GUIDE = 'docs/probe-guide.md';
const dir = mkdtempSync(join(tmpdir(), 'skep-guide-'));
after(() => rmSync(dir, { recursive: true }));

/** A part of a program, made whole. */
const around = (part: string) => `#include "skep.h"
${part}
SEC("raw_tp/sys_enter") int nothing(void *ctx) { return 0; }
char LICENSE[] SEC("license") = "GPL";
`;

const programs = blocks(GUIDE, 'c');

for (const { line, text } of programs) {
  const whole = text.includes('SEC("license")');
  test(`${GUIDE}:${line} ${whole ? 'is a probe' : 'compiles'}`, async () => {
    const source = join(dir, `line${line}.c`);
    writeFileSync(source, whole ? text : around(text));
    const { object, diagnostics } = await compile({ source, cflags: ['-Wno-unused-function'] });
    ok(diagnostics === '', diagnostics);
    const { maps, params, hooks, programs: all } = describeObject(object, `line${line}.o`);
    ok(maps.length + params.length > 0 || text.includes('SKEP_ROWS('), 'it shows something');
    if (!whole || process.getuid?.() !== 0) return;
    using loaded = BpfObject.open(object);
    // Of alternatives the one that this kernel takes.
    const facts = quickFacts();
    const judge = (name: string) => judgeHook(all.find((p) => p.name === name)!, facts, loaded.btf);
    for (const group of hooks) {
      const { taken } = chooseRung(group, judge);
      for (const name of group.rungs.flatMap((r) => r.programs))
        loaded.program(name).autoload = taken?.programs.includes(name) ?? false;
    }
    await loaded.load();
  });
}

test('the guide has code, and code that is wrong would be found', async () => {
  ok(programs.length >= 8 && programs.some(({ text }) => !text.includes('SEC("license")')));
  const source = join(dir, 'wrong.c');
  writeFileSync(source, around('SKEP_PARAM(no_such_type, x, 0, "");'));
  await rejects(compile({ source }), /does not compile/);
});

test('its skep.yaml is one', async () => {
  const [{ text }] = blocks(GUIDE, 'yaml');
  writeFileSync(join(dir, 'skep.yaml'), text);
  ok((await readMetadata(dir))?.sources);
});

test('what it says of maps is what the runtime says', () => {
  const rows = (file: string) =>
    readFileSync(join(root, file), 'utf8').match(/^\| `(print|counter|gauge)_` .*$/gm);
  ok(rows(GUIDE)?.length === 3);
  deepStrictEqual(rows(GUIDE), rows('packages/runtime/README.md'));
});

test('every macro and type of skep.h is in the guide', () => {
  const headers = ['skep.h', 'skep_params.h'].map((name) => join(root, 'packages/probe/include', name));
  const header = headers.map((file) => readFileSync(file, 'utf8')).join('');
  const guide = readFileSync(join(root, GUIDE), 'utf8');
  const names = [
    ...header.matchAll(/^#define (SKEP_[A-Z_]+|skep_\w+)\(?/gm),
    ...header.matchAll(/^typedef .*?(\w+)(?:\[\w+\])?;/gm),
    ...header.matchAll(/^static __always_inline \w+ (\w+)/gm),
  ].map((m) => m[1]!);
  ok(names.length > 25);
  const inner = ['SKEP_H', 'SKEP_PARAMS_H', 'SKEP_TAG', 'SKEP_TEXT_OF', 'SKEP_STACK_DEPTH', 'skep_log2'];
  inner.push(
    'skep_give_scratch',
    'SKEP_LIST_MAP',
    'SKEP_RANGE',
    'SKEP_TEXT',
    'skep_same_comm',
    'skep_below',
    'skep_word',
  );
  const missing = names.filter((n) => !inner.includes(n) && !guide.includes(n));
  ok(missing.length === 0, `not in the guide: ${missing}`);
});
