import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { appendFile, copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { corpus } from '../corpus/fetch.ts';
import { cpio } from './cpio.ts';
import { fetchKernel, type KernelFiles } from './fetch.ts';
import { baseLayer, clangLayer } from './layers.ts';
import { machines } from './machine.ts';
import { overlay } from './overlay.ts';

const settings = [
  'CI=true',
  'SKEP_FIXTURES=/fixtures',
  'SKEP_CORPUS=/corpus',
  'SKEP_KEPT_OBJECTS=/kept',
  'PATH=/skep/test/kernels/bin:$PATH',
  'NODE_OPTIONS=--import=/skep/test/kernels/guest/stripped.js',
  ...(process.env.SKEP_LONG === '1' ? ['SKEP_LONG=1'] : []),
].join(' ');

/** A command for a guest. */
export interface GuestRequest {
  /** A kernel's name in table.ts. */
  kernel: string;
  /** Run by the guest's sh in /skep, the checkout. */
  command: string;
  /** Whether clang is there; it adds two seconds to the start. */
  clang?: boolean;
  /** A folder of objects that bin/clang kept on the host. */
  kept?: string;
  /** More for the guest: where it finds a file or a folder, and where that lies on this machine. */
  files?: Readonly<Record<string, string>>;
  timeoutMs?: number;
  /** Called with each line the command prints. */
  onLine?(line: string): void;
}

/** How it ended. `console` is the kernel's log: what there is to read when the guest died. */
export interface GuestResult {
  code: number;
  release: string;
  console: string;
}

/**
 * Boots a kernel in an emulated machine, runs one command there and powers off. No KVM is asked for, nothing on
 * this machine is touched but a folder under /tmp, which goes away again.
 */
export async function runInGuest(request: GuestRequest): Promise<GuestResult> {
  const kernel = await fetchKernel(request.kernel);
  const work = await mkdtemp(join(tmpdir(), 'skep-guest-'));
  try {
    const initrd = join(work, 'initrd');
    await copyFile(await baseLayer(kernel), initrd);
    // Debian's clang for another processor would take minutes there: what is compiled, the host has compiled.
    if (request.clang && kernel.architecture === process.arch)
      await appendFile(initrd, await readFile(await clangLayer()));
    const terminal = machines[kernel.architecture].terminal;
    const env = `export SKEP_GUEST=${request.kernel} ${settings}\n`;
    const layer = cpio(
      await overlay(kernel.architecture, {
        ...request,
        files: { '/corpus': await corpus(kernel.architecture), ...request.files },
        command: env + request.command,
        terminal,
      }),
    );
    await pipeline(Readable.from(layer), createWriteStream(initrd, { flags: 'a' }));
    const log = join(work, 'console');
    const code = await boot(kernel, initrd, log, request);
    return { code, release: kernel.release, console: await readFile(log, 'latin1') };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function boot(files: KernelFiles, initrd: string, log: string, request: GuestRequest): Promise<number> {
  const { kernel, timeoutMs = 300_000 } = request;
  const machine = machines[files.architecture];
  const devices = ['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'];
  // setpriv: should we be killed, the emulator goes with us.
  const args = ['--pdeathsig', 'KILL', ...machine.emulator, ...devices, ...machine.serial(log)];
  args.push('-kernel', files.vmlinuz, '-initrd', initrd, '-append', `${machine.append} panic=-1 quiet`);
  const qemu = spawn('setpriv', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const timer = setTimeout(() => qemu.kill('SIGKILL'), timeoutMs);
  let complaint = '';
  qemu.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  let code: number | undefined;
  const lines = createInterface({ input: qemu.stdout });
  lines.on('line', (line) => {
    const exit = /^@@skep exit (\d+)/.exec(line);
    if (exit) code = Number(exit[1]);
    else request.onLine?.(line);
  });
  const ended = await new Promise<string>((resolve, reject) => {
    qemu.once('error', reject);
    qemu.once('close', (status, signal) => resolve(signal ?? `status ${status}`));
  });
  clearTimeout(timer);
  if (code !== undefined) return code;
  const tail = (await readFile(log, 'latin1').catch(() => '')).split('\n').slice(-40).join('\n');
  const why = ended === 'SIGKILL' ? `was stopped after ${timeoutMs / 1000} s` : `ended with ${ended}`;
  throw new Error(`kernel ${kernel} ${why} before its command did\n${complaint}${tail}`);
}
