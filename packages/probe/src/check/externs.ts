import { type Btf, type Elf, type KernelFacts, typesAgree } from '@skep/bpf';
import { heldBy, kconfigMisfit } from './kconfig.ts';

/** A name that an object expects the kernel to fill in when it is loaded. */
export interface Extern {
  readonly name: string;
  /** `kconfig`: a value of the configuration. `variable`: with a type. `symbol`: an address only. `function`: a kfunc. */
  readonly kind: 'kconfig' | 'variable' | 'symbol' | 'function';
  /** Id of its type; 0 for a symbol that has none. */
  readonly typeId: number;
  /** The object does without it where there is none. */
  readonly weak: boolean;
}

/** Whether the kernel has it: undefined when that is not known. */
export type Presence = boolean | undefined;

/** The externs of an object, from its BTF sections `.kconfig` and `.ksyms` and its undefined symbols. */
export function externsOf(elf: Elf, btf: Btf): Map<string, Extern> {
  const weak = new Set(elf.symbols.filter((s) => s.section === 0 && s.binding === 'weak').map((s) => s.name));
  const out = new Map<string, Extern>();
  for (const section of ['.kconfig', '.ksyms'] as const) {
    const data = btf.find(section, 'datasec');
    if (data?.kind !== 'datasec') continue;
    for (const { type } of data.variables) {
      const t = btf.type(type);
      if (t.kind !== 'var' && t.kind !== 'func') continue;
      const kind =
        section === '.kconfig'
          ? 'kconfig'
          : t.kind === 'func'
            ? 'function'
            : btf.resolve(t.type).kind === 'void'
              ? 'symbol'
              : 'variable';
      out.set(t.name, { name: t.name, kind, typeId: t.type, weak: weak.has(t.name) });
    }
  }
  return out;
}

/** Whether a kernel has an extern. */
export function presence(extern: Extern, facts: KernelFacts): Presence {
  switch (extern.kind) {
    case 'kconfig':
      if (!extern.name.startsWith('CONFIG_')) return virtual.has(extern.name);
      return facts.config?.has(extern.name);
    case 'function':
      return named(facts, extern.name, 'func');
    case 'variable':
      return named(facts, extern.name, 'var');
    case 'symbol': {
      // Of kernels that are kept only functions and typed variables have names: no symbol of data is known to be absent.
      const known = facts.hasSymbol?.(extern.name);
      if (known !== undefined) return known;
      return facts.functions?.symbol(extern.name) || facts.btf?.find(extern.name, 'var') ? true : undefined;
    }
  }
}

/**
 * Why libbpf gives up the whole object although the kernel has what it asks for: it is of another type. It makes no
 * exception of weak externs.
 */
export function externMisfit(extern: Extern, btf: Btf, facts: KernelFacts): string | undefined {
  const { name, kind, typeId } = extern;
  if (kind === 'kconfig') {
    if (!/^(CONFIG|LINUX)_/.test(name))
      return `libbpf knows no value "${name}": options are called CONFIG_…, and what it makes up itself LINUX_…`;
    const text = name.startsWith('CONFIG_') ? facts.config?.get(name) : undefined;
    return text === undefined ? undefined : kconfigMisfit(btf, name, typeId, text);
  }
  if (kind === 'symbol' || !facts.btf) return undefined;
  const found = facts.btf.find(name, kind === 'function' ? 'func' : 'var');
  if (found?.kind !== 'func' && found?.kind !== 'var') return undefined;
  const [local, theirs] = [btf.resolve(typeId).id, facts.btf.resolve(found.type).id];
  if (typesAgree(btf, local, facts.btf, theirs)) return undefined;
  return kind === 'function'
    ? `the kernel's function ${name} takes or returns something else than the object declares`
    : `the kernel's "${name}" is of another type than the object declares`;
}

/** What libbpf makes up itself. */
const virtual = new Set(['LINUX_KERNEL_VERSION', 'LINUX_HAS_BPF_COOKIE', 'LINUX_HAS_SYSCALL_WRAPPER']);

/** A name that the kernel proper lacks may be a module's. */
function named(facts: KernelFacts, name: string, kind: 'func' | 'var'): Presence {
  if (!facts.btf) return undefined;
  if (facts.btf.find(name, kind)) return true;
  return facts.inModules?.(name) === false ? false : undefined;
}

/** The number that a kconfig extern holds, as libbpf fills it in; undefined when it is not known or is no number. */
export function kconfigValue(extern: Extern, btf: Btf, facts: KernelFacts): bigint | undefined {
  const { name } = extern;
  if (name === 'LINUX_KERNEL_VERSION') {
    const [major, minor, patch] = facts.version;
    return major === 0 ? undefined : BigInt((major << 16) + (minor << 8) + Math.min(patch, 255));
  }
  if (name === 'LINUX_HAS_SYSCALL_WRAPPER') {
    // libbpf tries it by a kprobe.
    if (facts.hooks?.kprobe === false) return 0n;
    return facts.btf && facts.version[0] > 4 ? 1n : undefined;
  }
  if (name === 'LINUX_HAS_BPF_COOKIE') {
    const helpers = facts.btf?.find('bpf_func_id', 'enum');
    if (helpers?.kind !== 'enum') return undefined;
    return helpers.values.some((v) => v.name === 'BPF_FUNC_get_attach_cookie') ? 1n : 0n;
  }
  // What libbpf has not heard of is 0, or the object is refused.
  if (!name.startsWith('CONFIG_')) return 0n;
  if (!facts.config) return undefined;
  const text = facts.config.get(name);
  if (text === undefined) return extern.weak ? 0n : undefined;
  if (/^[ymn]$/.test(text)) {
    // enum libbpf_tristate; a bool is 0 or 1, too.
    const letter = heldBy(btf, extern.typeId) === 'char';
    return letter ? BigInt(text.charCodeAt(0)) : BigInt('nym'.indexOf(text));
  }
  if (/^-?(0x[0-9a-f]+|\d+)$/i.test(text)) return BigInt.asUintN(64, BigInt(text));
  return undefined;
}
