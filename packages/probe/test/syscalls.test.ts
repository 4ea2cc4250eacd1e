import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { syscallText } from '../src/formats/syscalls.ts';

test("syscall names are those of this machine's C headers", () => {
  const text = execFileSync('clang', ['-E', '-dM', '-x', 'c', '-'], {
    input: '#include <sys/syscall.h>\n',
    encoding: 'utf8',
  });
  const numbers = [...text.matchAll(/^#define __NR_(\w+) (\d+)$/gm)].filter(
    ([, name]) => name !== 'syscalls',
  );
  assert.ok(numbers.length > 300);
  for (const [, name, number] of numbers) assert.equal(syscallText(Number(number)), name);
});
