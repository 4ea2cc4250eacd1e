// node test/kernels/run.ts KERNEL [COMMAND…]: a command, or else all kernel tests, in a guest with that kernel.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { kernelTests } from './guest-tests.ts';
import { runInGuest } from './vm.ts';

const [kernel = '6.1', ...words] = process.argv.slice(2);
const all = `node --test-force-exit test/kernels/guest/all.ts ${kernelTests().join(' ')}`;
const command = words.length > 0 ? words.join(' ') : all;
// What tests compile, the latest run of kernels.test.ts has compiled.
const kept = join(import.meta.dirname, '../../build/kept-objects');
const { code, console: log } = await runInGuest({
  kernel,
  command,
  kept: existsSync(kept) ? kept : undefined,
  clang: process.env.SKEP_GUEST_CLANG === '1',
  timeoutMs: Number(process.env.SKEP_GUEST_TIMEOUT ?? 600) * 1000,
  onLine: (line) => process.stdout.write(`${line}\n`),
});
if (code !== 0) {
  const tail = log.split('\n').slice(-25).join('\n');
  process.stderr.write(
    `kernel ${kernel}: the command ended with ${code}; the kernel's last words:\n${tail}\n`,
  );
}
process.exitCode = code;
