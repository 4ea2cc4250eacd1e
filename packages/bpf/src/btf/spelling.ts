import type { Btf } from './btf.ts';

/** Steps after which a type's spelling is cut: only types that contain themselves get there. */
const MAX_STEPS = 200;

/**
 * How C spells a type without a variable: `struct foo *`, `char[16]`, `int (*)(void *)`, `const char *`.
 * Walks outside-in, collecting the declarator's left and right halves, as C reads them.
 */
export function spell(btf: Btf, id: number, state = { steps: 0 }): string {
  let declarator = '';
  /** Whether the declarator starts with `*`, which array and function brackets would not bind to. */
  let pointer = false;
  let qualifiers = '';
  const withBase = (base: string): string => {
    const head = qualifiers + base;
    return declarator === '' || declarator[0] === '[' ? head + declarator : `${head} ${declarator}`;
  };
  for (;;) {
    if (++state.steps > MAX_STEPS) return withBase('…');
    const t = btf.type(id);
    switch (t.kind) {
      case 'const':
      case 'volatile':
      case 'restrict':
        qualifiers += `${t.kind} `;
        id = t.type;
        break;
      case 'type_tag':
        id = t.type;
        break;
      case 'ptr':
        // A qualifier met so far is the pointer's own: int *const.
        declarator = `*${qualifiers.trimEnd()}${qualifiers !== '' && declarator !== '' ? ' ' : ''}${declarator}`;
        qualifiers = '';
        pointer = true;
        id = t.type;
        break;
      case 'array':
        if (pointer) declarator = `(${declarator})`;
        pointer = false;
        declarator += `[${t.length === 0 ? '' : t.length}]`;
        id = t.element;
        break;
      case 'func_proto': {
        const list = t.parameters.map((p) => (p.type === 0 ? '...' : spell(btf, p.type, state)));
        declarator = `${pointer ? `(${declarator})` : declarator}(${list.length > 0 ? list.join(', ') : 'void'})`;
        pointer = false;
        id = t.returns;
        break;
      }
      case 'struct':
      case 'union':
        return withBase(`${t.kind} ${t.name || '{…}'}`);
      case 'enum':
      case 'enum64':
        return withBase(`enum ${t.name || '{…}'}`);
      case 'fwd':
        return withBase(`${t.union ? 'union' : 'struct'} ${t.name}`);
      case 'func':
      case 'var':
      case 'datasec':
      case 'decl_tag':
        return withBase(t.name);
      case 'void':
        return withBase('void');
      case 'int':
      case 'float':
      case 'typedef':
        return withBase(t.name);
    }
  }
}
