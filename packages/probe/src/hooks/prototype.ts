import type { Btf, KernelFacts } from '@skep/bpf';

/** What a function takes and gives, as far as programs can tell it apart: `struct sock *`, `int`, `void *`. */
export interface Prototype {
  readonly returns: string;
  readonly parameters: readonly string[];
}

/** The prototype of a kernel function or of a tracepoint, as far as these facts tell. */
export function prototypeIn(
  facts: KernelFacts,
  name: string,
  of: 'function' | 'tracepoint',
): Prototype | undefined {
  if (facts.prototype) {
    const event = of === 'tracepoint';
    const [returns, ...parameters] =
      facts.prototype(event ? `btf_trace_${name}` : name, event ? 'typedef' : 'func') ?? [];
    return returns ? { returns, parameters: event ? parameters.slice(1) : parameters } : undefined;
  }
  if (!facts.btf) return undefined;
  return of === 'tracepoint' ? tracepointPrototype(facts.btf, name) : functionPrototype(facts.btf, name);
}

/** The prototype of a kernel function; undefined when its types do not have it. */
export function functionPrototype(btf: Btf, name: string): Prototype | undefined {
  const func = btf.find(name, 'func');
  return func?.kind === 'func' ? prototype(btf, func.type) : undefined;
}

/** Whether a kernel function takes any number of arguments, as `_printk` does; false when its types do not have it. */
export function isVariadic(btf: Btf, name: string): boolean {
  const func = btf.find(name, 'func');
  const type = func?.kind === 'func' ? btf.resolve(func.type) : undefined;
  return type?.kind === 'func_proto' && type.parameters.at(-1)?.type === 0;
}

/** What a tracepoint hands to tp_btf and raw_tp programs: `btf_trace_NAME` less the pointer that comes first. */
export function tracepointPrototype(btf: Btf, name: string): Prototype | undefined {
  const type = btf.find(`btf_trace_${name}`, 'typedef');
  const pointer = type && btf.resolve(type.id);
  const found = pointer?.kind === 'ptr' ? prototype(btf, pointer.type) : undefined;
  return found && { returns: 'void', parameters: found.parameters.slice(1) };
}

function prototype(btf: Btf, id: number): Prototype | undefined {
  const type = btf.resolve(id);
  if (type.kind !== 'func_proto') return undefined;
  return {
    returns: spelled(btf, type.returns),
    parameters: type.parameters.filter((p) => p.type !== 0 || p.name !== '').map((p) => spelled(btf, p.type)),
  };
}

/** Numbers are all `int`: a register holds them all. */
function spelled(btf: Btf, id: number): string {
  let stars = '';
  let type = btf.resolve(id);
  while (type.kind === 'ptr') {
    stars += '*';
    type = btf.resolve(type.type);
  }
  const base =
    type.kind === 'struct' || type.kind === 'union'
      ? `${type.kind} ${type.name}`
      : type.kind === 'fwd'
        ? `${type.union ? 'union' : 'struct'} ${type.name}`
        : type.kind === 'void'
          ? 'void'
          : type.kind === 'func_proto'
            ? 'function'
            : 'int';
  return stars ? `${base} ${stars}` : base;
}

/** `const struct cred *cred, int cap` as {@link Prototype} spells them. Typedefs and enums pass for numbers. */
export function parseArguments(text: string): string[] {
  if (text.trim() === '' || text.trim() === 'void') return [];
  // Commas between brackets are those of a function that is pointed to.
  return text.split(/,(?![^(]*\))/).map((one) => {
    const stars = one.replace(/[^*]/g, '');
    const words = one
      .replace(/[*]/g, ' ')
      .trim()
      .split(/\s+/)
      .filter((w) => !/^(const|volatile|restrict|__user|__rcu)$/.test(w));
    const composite = words[0] === 'struct' || words[0] === 'union';
    // A flavour, struct sock___new, is struct sock.
    const base = composite
      ? `${words[0]} ${(words[1] ?? '').replace(/___.*$/, '')}`
      : words[0] === 'void'
        ? 'void'
        : 'int';
    return stars ? `${base} ${stars}` : base;
  });
}

/** Why a program that expects these arguments does not fit; undefined when it does. Leaving out the last ones is fine. */
export function misfit(
  expected: readonly string[],
  actual: readonly string[],
  what: string,
): string | undefined {
  if (expected.length > actual.length)
    return `the probe reads ${expected.length} arguments of ${what}, which has ${actual.length} here`;
  const i = expected.findIndex((e, n) => !fits(e, actual[n]!));
  if (i < 0) return undefined;
  return `argument ${i + 1} of ${what} is ${actual[i]} here, and the probe takes it for ${expected[i]}`;
}

function fits(expected: string, actual: string): boolean {
  if (expected === actual) return true;
  const [e, a] = [expected.endsWith('*'), actual.endsWith('*')];
  if (e !== a) return false;
  // A pointer to no struct says nothing about what it points to.
  return e && !(/^(struct|union) /.test(expected) && /^(struct|union) /.test(actual));
}
