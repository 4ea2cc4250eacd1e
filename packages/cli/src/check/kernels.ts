import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Btf, btfArchitecture, KernelFacts } from '@skep/bpf';
import { CliError } from '../errors.ts';

/** A kernel to check against. */
export interface CheckedKernel {
  /** What its column is called. */
  readonly name: string;
  /** Only the running one is also asked itself. */
  readonly running: boolean;
  /** Set for those that `all` stands for: only images for it are meant, as `x64` or `arm64`. */
  readonly onlyFor?: string;
  /** Of a stored kernel read on other threads, from when it is named or first asked for. */
  facts(): KernelFacts | Promise<KernelFacts>;
}

const BTF_MAGIC = 0xeb9f;

/** The running kernel, or those that `--kernel` names: `running`, a stored version, a file, a folder, `all`. */
export async function kernelsOf(words: readonly string[]): Promise<CheckedKernel[]> {
  const bpf = await import('@skep/bpf');
  const running: CheckedKernel = { name: 'running', running: true, facts: bpf.runningKernel };
  if (words.length === 0) return [running];
  const stored = bpf.storedKernels();
  const out: CheckedKernel[] = [];
  const add = (kernel: CheckedKernel): void => {
    if (!out.some((k) => k.name === kernel.name)) out.push(kernel);
  };
  for (const word of words) {
    if (word === 'running') add(running);
    else if (word === 'all')
      for (const name of stored) add({ ...storedOf(name), onlyFor: processorOf(name) });
    else if (stored.includes(word)) add(storedOf(word));
    else for (const kernel of await fromPath(word, stored)) add(kernel);
  }
  return out;

  /** `6.1` is for x64, `6.1-arm64` for what it says. */
  function processorOf(name: string): string {
    return name.split('-')[1] ?? 'x64';
  }

  function storedOf(name: string): CheckedKernel {
    let read: Promise<KernelFacts> | undefined;
    const facts = () => {
      read ??= bpf.storedKernelAhead(name).then((found) => found!);
      // Whoever awaits it is told; nobody may, when something else goes wrong before.
      read.catch(() => {});
      return read;
    };
    return { name, running: false, facts };
  }
}

async function fromPath(path: string, stored: readonly string[]): Promise<CheckedKernel[]> {
  const info = await stat(path).catch(() => undefined);
  if (!info) {
    throw new CliError(
      'SKEP_NOT_FOUND',
      `there is no kernel "${path}": neither a file or folder nor a version that skep knows`,
      `Versions: ${stored.join(', ') || 'none in this installation'}; also "running" and "all". A file is BTF, such as /sys/kernel/btf/vmlinux.`,
    );
  }
  const files = info.isDirectory() ? (await readdir(path)).sort().map((f) => join(path, f)) : [path];
  const found: CheckedKernel[] = [];
  for (const file of files) {
    const kernel = await fromFile(file);
    if (kernel) found.push(kernel);
  }
  if (found.length > 0) return found;
  throw new CliError(
    'SKEP_NOT_FOUND',
    info.isDirectory() ? `${path} holds no kernel types` : `${path} is neither BTF nor a file of facts`,
    'BTF is what lies at /sys/kernel/btf/vmlinux. A vmlinux has it, too, where it is not compressed; a vmlinuz has not.',
  );
}

async function fromFile(path: string): Promise<CheckedKernel | undefined> {
  const info = await stat(path);
  if (!info.isFile()) return undefined;
  const { BpfError, Btf, btfArchitecture, isFactsFile, unpackFacts, vmlinuxTypes } = await import(
    '@skep/bpf'
  );
  // A vmlinux has hundreds of megabytes beside its types.
  const bytes =
    vmlinuxTypes(path) ??
    new Uint8Array(
      await readFile(path).catch((e: Error) => {
        throw Object.assign(e, { path });
      }),
    );
  const name = basename(path).replace(/\.(facts|btf)$/, '');
  if (isFactsFile(bytes)) return { name, running: false, facts: () => unpackFacts(bytes, name) };
  if (bytes.length < 24 || bytes[0]! + bytes[1]! * 256 !== BTF_MAGIC) return undefined;
  return { name, running: false, facts: () => typesOnly(parsed(), btfArchitecture) };

  // Its own words are about objects.
  function parsed(): Btf {
    try {
      return Btf.parse(bytes);
    } catch (cause) {
      if (!(cause instanceof BpfError)) throw cause;
      const why = cause.message.replace(/^.*?: /, '').replace(/\.$/, '');
      throw new BpfError(cause.code, `${path} is no whole BTF: ${why}`, {
        hint: 'Copy it again: its size is that of /sys/kernel/btf/vmlinux on its machine.',
        object: path,
        cause,
      });
    }
  }
}

/** A kernel of which there are only the types. */
function typesOnly(btf: Btf, architectureOf: typeof btfArchitecture): KernelFacts {
  return { name: 'this kernel', version: [0, 0, 0], architecture: architectureOf(btf), btf };
}
