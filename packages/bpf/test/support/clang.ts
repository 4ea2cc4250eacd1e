import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const cache = new Map<string, Uint8Array>();

/** The test's, for its workers and children: one that is killed has no end at which to remove a folder of its own. */
const shared = process.env.SKEP_TEST_SCRATCH;
/** A folder that is gone when the test process ends. */
export const scratch = shared ?? mkdtempSync(join(tmpdir(), 'skep-bpf-test-'));
if (shared === undefined) {
  process.env.SKEP_TEST_SCRATCH = scratch;
  process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
}

/** Compiles C for BPF with the machine's clang and returns the object's path and bytes. */
export function compileBpf(
  source: string,
  flags: string[] = ['-g', '-target', 'bpf'],
): { path: string; bytes: Uint8Array } {
  const key = createHash('sha256').update(source).update(flags.join(' ')).digest('hex').slice(0, 16);
  const dir = join(scratch, key);
  const path = join(dir, 'probe.o');
  let bytes = cache.get(key);
  if (!bytes) {
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'probe.c'), source);
    // A relative file name keeps line information the same on every machine.
    execFileSync('clang', [...flags, '-O2', '-Wno-everything', '-c', 'probe.c', '-o', 'probe.o'], {
      cwd: dir,
    });
    bytes = readFileSync(path);
    cache.set(key, bytes);
  }
  return { path, bytes };
}

/** `bpftool btf dump -j`: the other reader that ours is compared with. */
export function bpftoolBtf(args: string[]): BpftoolType[] {
  const out = execFileSync('bpftool', ['-j', 'btf', 'dump', ...args], {
    maxBuffer: 1 << 28,
    encoding: 'utf8',
  });
  // Values reach over 2^53, where JSON numbers would lose digits.
  const exact = out.replace(/"val":(-?\d+)/g, '"val":"$1"');
  return (JSON.parse(exact) as { types: BpftoolType[] }).types;
}

/** One type as bpftool prints it; which of these there are depends on the kind. */
export interface BpftoolType {
  id: number;
  kind: string;
  name: string;
  size?: number;
  bits_offset?: number;
  nr_bits?: number;
  encoding?: string;
  type_id?: number;
  index_type_id?: number;
  nr_elems?: number;
  vlen?: number;
  members?: { name: string; type_id: number; bits_offset: number; bitfield_size?: number }[];
  values?: { name: string; val: string }[];
  params?: { name: string; type_id: number }[];
  vars?: { type_id: number; offset: number; size: number }[];
  ret_type_id?: number;
  linkage?: string;
  fwd_kind?: string;
  component_idx?: number;
}
