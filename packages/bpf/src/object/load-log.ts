/** What went wrong in a load, as libbpf told it. */
export type LoadFailure =
  /** A program the kernel refused, with the verifier's log. */
  | { kind: 'program'; name: string; log: string }
  | { kind: 'map'; name: string }
  /** A map that is to hold a program, or map, which has not been loaded: `value` names it. */
  | { kind: 'slot'; map: string; value: string }
  /** A kernel type, member or symbol that is not there; `what` names it. */
  | { kind: 'relocation'; name?: string; what: string; hint?: string }
  /** An extern that is there, and of another type than the object says. */
  | { kind: 'extern-type'; what: string }
  /** An fentry, tp_btf or lsm program whose function is not in the kernel's BTF. */
  | { kind: 'btf-target'; name: string; target: string }
  | { kind: 'section'; name: string }
  /** The object needs the kernel's own type information, and there is none. */
  | { kind: 'kernel-btf' }
  | { kind: 'other' };

/**
 * Reads libbpf's own words (libbpf.c, 1.1). They are the only place where it says which program or map it
 * was; should they change, the failure is still reported, as 'other', with the whole log.
 */
export function readLoadLog(log: string): LoadFailure {
  const target = /^libbpf: prog '([^']+)': failed to find kernel BTF type ID of '([^']+)'/m.exec(log);
  if (target) return { kind: 'btf-target', name: target[1]!, target: target[2]! };

  if (/^libbpf: Error loading vmlinux BTF/m.test(log)) return { kind: 'kernel-btf' };

  const section = /^libbpf: prog '([^']+)': missing BPF prog type/m.exec(log);
  if (section) return { kind: 'section', name: section[1]! };

  const config = /^libbpf: extern '(CONFIG_[^']+)' \(strong\): not resolved/m.exec(log);
  if (config) return { kind: 'relocation', what: `the kernel's configuration option ${config[1]}` };

  if (/^libbpf: failed to open system Kconfig/m.test(log)) {
    const hint =
      "Put that kernel's file where libbpf looks for it, /boot/config-RELEASE; __weak does not help here.";
    return {
      kind: 'relocation',
      what: "the kernel's configuration (/proc/config.gz or /boot/config-…)",
      hint,
    };
  }

  const strong = /^libbpf: extern '([^']+)' \(strong\): not resolved/m.exec(log);
  if (strong) {
    const hint = `Declare it __weak and ask if (&${strong[1]}) first. Variables are listed by kernels with CONFIG_KALLSYMS_ALL alone.`;
    return { kind: 'relocation', what: `the kernel symbol "${strong[1]}"`, hint };
  }

  const table = /^libbpf: struct_ops init_kern: struct (\S+) is not found in kernel BTF/m.exec(log);
  if (table) {
    const hint = 'It is the table of functions that its programs stand in for; other versions may have it.';
    return { kind: 'relocation', what: `struct ${table[1]}`, hint };
  }

  const option = /^libbpf: extern \(kcfg\) '([^']+)': value '([^']*)'/m.exec(log);
  if (option) return { kind: 'extern-type', what: `${option[1]}, which is ${option[2]} here,` };

  const shape =
    /^libbpf: extern \((var|func) ksym\) '([^']+)': (?:func_proto .*incompatible|incompatible)/m.exec(log);
  if (shape)
    return {
      kind: 'extern-type',
      what: `the kernel's ${shape[1] === 'func' ? 'function ' : ''}"${shape[2]}"`,
    };

  const symbol =
    /^libbpf: (?:extern|failed to find|kernel) .*?\b(?:extern|ksym|symbol)\b.*?'([^']+)'.*$/m.exec(log);
  if (symbol && !/BEGIN PROG LOAD LOG/.test(log))
    return { kind: 'relocation', what: `the kernel symbol "${symbol[1]}"` };

  const program = /^libbpf: prog '([^']+)': (?:BPF program load failed|failed to load)/m.exec(log);
  if (program) {
    const name = program[1]!;
    const text = between(
      log,
      `libbpf: prog '${name}': -- BEGIN PROG LOAD LOG --\n`,
      '-- END PROG LOAD LOG --',
    );
    // libbpf puts an impossible instruction where a CO-RE relocation failed, and says so in the log.
    const core = /<invalid CO-RE relocation>\nfailed to resolve CO-RE relocation (.+)/.exec(text);
    if (core) return { kind: 'relocation', name, what: coreTarget(core[1]!) };
    return { kind: 'program', name, log: text };
  }

  const slot = /^libbpf: map '([^']+)': failed to initialize slot \[\d+\] to \w+ '([^']+)' fd=-/m.exec(log);
  if (slot) return { kind: 'slot', map: slot[1]!, value: slot[2]! };

  const map =
    /^libbpf: (?:failed to create map '([^']+)'|map '([^']+)': failed to (?:create|create pinned|auto-pin))/m.exec(
      log,
    );
  if (map) return { kind: 'map', name: (map[1] ?? map[2])! };
  return { kind: 'other' };
}

function between(text: string, start: string, end: string): string {
  const from = text.indexOf(start);
  if (from < 0) return '';
  const to = text.indexOf(end, from);
  return text.slice(from + start.length, to < 0 ? undefined : to);
}

/** `<byte_off> [7] struct task_struct.nope (0:0 @ offset 0)` as people would say it. */
function coreTarget(spec: string): string {
  const m = /^<[^>]+> \[\d+\] ([^(]+)/.exec(spec);
  return `"${(m?.[1] ?? spec).trim()}"`;
}
