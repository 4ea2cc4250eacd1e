import type { Btf, Elf } from '@skep/bpf';

/** What one of Inspektor Gadget's macros says of an object (its include/gadget/macros.h). */
export type GadgetMark =
  /** Records of a struct come out of a buffer. */
  | { readonly kind: 'tracer'; readonly source: string; readonly map: string; readonly struct: string }
  /** A map is to be read as it stands. */
  | { readonly kind: 'mapiter'; readonly source: string; readonly map: string }
  /** Iterators write rows of a struct. */
  | { readonly kind: 'iter'; readonly source: string; readonly struct: string; readonly programs: string[] }
  /** The map that an iterator goes through. */
  | { readonly kind: 'target'; readonly program: string; readonly map: string }
  /** An expression that only Inspektor Gadget evaluates: a condition, or where a program goes. */
  | { readonly kind: 'expression'; readonly about: string; readonly text: string };

/** Up to its version 0.55: variables whose names say everything, `gadget_tracer_DATASOURCE___MAP___STRUCT`. */
const SYMBOL = /^gadget_(tracer|mapiter|iter|snapshotter|mapelem_iter_target)_(.+)$/;

/** All that is said in an object, in either of the two ways: by the names of symbols, and after 0.55 by BTF's tags. */
export function gadgetMarks(elf: Elf, btf: Btf): GadgetMark[] {
  const bySymbol = elf.symbols.flatMap(({ name }): GadgetMark[] => {
    const [, macro, rest = ''] = SYMBOL.exec(name) ?? [];
    if (macro === 'iter' || macro === 'snapshotter') {
      const [source = '', struct = '', ...programs] = rest.split('___');
      return [{ kind: 'iter', source, struct, programs }];
    }
    return simple(macro === 'mapelem_iter_target' ? 'target' : macro, rest);
  });
  return [...bySymbol, ...byTag(btf)];
}

/** `btf_decl_tag("ig:tracer:DATASOURCE___MAP___STRUCT")`, on a variable that is there for nothing else or on a program. */
function byTag(btf: Btf): GadgetMark[] {
  const tags = btf.ids('decl_tag').flatMap((id) => {
    const tag = btf.type(id);
    const [, macro, text = ''] = /^ig:(\w+):(.*)$/s.exec(tag.kind === 'decl_tag' ? tag.name : '') ?? [];
    return tag.kind === 'decl_tag' && macro ? [{ macro, text, on: btf.nameAt(tag.type) }] : [];
  });
  return tags.flatMap(({ macro, text, on }): GadgetMark[] => {
    if (macro === 'iter_type') {
      const [source = '', struct = ''] = text.split('___');
      const programs = tags.filter((t) => t.macro === 'iter' && t.text === source).map((t) => t.on);
      return [{ kind: 'iter', source, struct, programs }];
    }
    if (macro === 'attach_to') return [{ kind: 'expression', about: `where ${on} goes`, text }];
    if (macro === 'assert') {
      const [name = '', ...rest] = text.split(':');
      return [{ kind: 'expression', about: `the condition ${name}`, text: rest.join(':') }];
    }
    return simple(macro === 'iter_target_map' ? 'target' : macro, text);
  });
}

/** Marks of fixed parts, joined by `___`. Of other macros nothing is needed: all constants are parameters here. */
function simple(kind: string | undefined, text: string): GadgetMark[] {
  const [first = '', second = '', third = ''] = text.split('___');
  if (kind === 'tracer') return [{ kind, source: first, map: second, struct: third }];
  if (kind === 'mapiter') return [{ kind, source: first, map: second }];
  if (kind === 'target') return [{ kind, program: first, map: second }];
  return [];
}
