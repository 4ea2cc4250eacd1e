// node test/kernels/facts.ts KERNEL…: makes packages/bpf/kernels/KERNEL.facts anew, by booting the kernel. What it said
// stays in the cache (asked-RELEASE.*) until it is removed there. --boot-only: go no further.
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { packNames } from '../../packages/bpf/src/facts/name-filter.ts';
import { packFacts, type StoredLists } from '../../packages/bpf/src/facts/stored.ts';
import { markOf } from '../../packages/bpf/src/facts/stored-functions.ts';
import { Btf } from '../../packages/bpf/src/index.ts';
import { cacheDir } from './cache.ts';
import { fetchKernel, type KernelFiles } from './fetch.ts';
import type { GuestFacts } from './guest/kernel-facts.ts';
import { moduleNames } from './module-types.ts';
import { runInGuest } from './vm.ts';

const out = join(import.meta.dirname, '../../packages/bpf/kernels');

const bootOnly = process.argv.includes('--boot-only');
for (const kernel of process.argv.slice(2).filter((word) => !word.startsWith('--'))) {
  const { facts, btf } = await asked(kernel);
  if (bootOnly) continue;
  const lists = await listsOf(JSON.parse(facts.toString()) as GuestFacts, btf, await fetchKernel(kernel));
  const bytes = packFacts(btf, lists);
  await writeFile(join(out, `${kernel}.facts`), bytes);
  process.stdout.write(`${kernel}: ${bytes.length} bytes\n`);
}

/** What a guest said, as it is kept in the cache beside its kernel. */
async function asked(kernel: string): Promise<{ facts: Buffer; btf: Buffer }> {
  const { release } = await fetchKernel(kernel);
  const [factsFile, btfFile] = ['facts', 'btf'].map((part) => join(cacheDir, `asked-${release}.${part}`));
  if (!existsSync(btfFile!)) {
    const parts: Record<string, string[]> = { facts: [], btf: [] };
    const { code, console: log } = await runInGuest({
      kernel,
      command:
        'mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null; node test/kernels/guest/kernel-facts.ts',
      timeoutMs: 600_000,
      onLine(line) {
        const m = /^@@(facts|btf) (\S+)\s*$/.exec(line);
        if (m) parts[m[1]!]!.push(m[2]!);
        else process.stderr.write(`${line}\n`);
      },
    });
    if (code !== 0) throw new Error(`kernel ${kernel} ended with ${code}:\n${log.slice(-2000)}`);
    await writeFile(factsFile!, Buffer.from(parts.facts!.join(''), 'base64'));
    await writeFile(btfFile!, Buffer.from(parts.btf!.join(''), 'base64'));
  }
  return { facts: gunzipSync(await readFile(factsFile!)), btf: gunzipSync(await readFile(btfFile!)) };
}

async function listsOf(facts: GuestFacts, btfBytes: Uint8Array, files: KernelFiles): Promise<StoredLists> {
  const btf = Btf.parse(btfBytes);
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)/.exec(await version(facts, files)) ?? [];
  const marks = functionMarks(facts);
  const names = btf.ids('func').map((id) => btf.nameAt(id));
  const typed = names.map((name) => markOf(marks.get(name) ?? 16)).join('');
  const known = new Set(names);
  const untyped = [...marks]
    .filter(([name]) => !known.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, bits]) => `${name}${markOf(bits)}`)
    .join('\n');
  const { hooks, programTypes, mapTypes, helpers, tracepoints } = facts;
  return {
    version: [Number(major), Number(minor), Number(patch)],
    architecture: facts.release.includes('arm64') ? 'arm64' : 'x86_64',
    config: await config(files),
    hooks,
    programTypes,
    mapTypes,
    helpers,
    tracepoints: Object.fromEntries(Object.entries(tracepoints).filter(([, events]) => events.length > 0)),
    typed,
    untyped,
    aliases: facts.aliases,
    modules: packNames(await moduleNames(files.modules, btf)),
  };
}

function functionMarks({ symbols, traceable, blacklist }: GuestFacts): Map<string, number> {
  const listed = new Set(traceable.split('\n'));
  const forbidden = new Set(blacklist.split('\n').map((line) => line.split('\t')[1] ?? ''));
  const marks = new Map<string, number>();
  for (const line of symbols.split('\n')) {
    const name = line.slice(2);
    // What the compiler pads functions with has a symbol for each.
    if (name === '' || /^__(pfx|cfi)_/.test(name)) continue;
    const local = line[0] === 't' ? 1 : 0;
    const before = marks.get(name);
    const bits = local | (listed.has(name) ? 2 : 0) | (forbidden.has(name) ? 4 : 0);
    // Of several with one name, one that is global makes all of them so, for whoever asks about inlining.
    marks.set(name, before === undefined ? bits : (before & (bits | ~1)) | 8);
  }
  return marks;
}

/** Debian's release names no patch level in 5.10 and 6.1; the kernel's own banner in the image does. */
async function version({ release }: GuestFacts, files: KernelFiles): Promise<string> {
  // An image that is not compressed names Debian's compiler, too.
  const banner = /SMP [\w ]*Debian (\d+\.\d+\.\d+)-/.exec(await readFile(files.vmlinuz, 'latin1'))?.[1];
  return banner ?? release;
}

async function config({ modules, release, vmlinuz }: KernelFiles): Promise<string> {
  const names = await readdir(modules);
  const path = names.includes('config') ? join(modules, 'config') : vmlinuz.replace('vmlinuz-', 'config-');
  const text = await readFile(path, 'utf8');
  if (!text.includes('CONFIG_BPF=')) throw new Error(`${path} is no configuration of ${release}`);
  return text
    .split('\n')
    .filter((line) => line.startsWith('CONFIG_'))
    .join('\n');
}
