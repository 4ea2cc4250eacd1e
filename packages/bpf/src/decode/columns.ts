import type { Btf } from '../btf/btf.ts';
import { formatOfParts } from './format-parts.ts';
import { membersOf } from './generate-read.ts';
import type { MemberPlan, Plan } from './plan.ts';
import type { Column, ColumnKind } from './types.ts';

/** A column and what reads it. */
export interface PlannedColumn {
  readonly column: Column;
  readonly plan: Plan;
}

/** The leaves of a record, `a.b` for members of members; anonymous ones add nothing to the name. */
export function planColumns(btf: Btf, members: readonly MemberPlan[]): PlannedColumn[] {
  const out: PlannedColumn[] = [];
  const walk = (
    list: readonly MemberPlan[],
    prefix: string,
    offset: number,
    tags: readonly string[],
  ): void => {
    for (const m of membersOf(list)) {
      const name = prefix + m.name;
      const all = [...tags, ...m.tags];
      const inner = m.plan.kind === 'struct' || m.plan.kind === 'union' ? m.plan.members : [];
      if (inner.length > 0 && !m.plan.format) walk(inner, `${name}.`, offset + m.offset, all);
      else out.push({ column: columnOf(btf, m, name, offset + m.offset, all), plan: m.plan });
    }
  };
  walk(members, '', 0, []);
  return out;
}

function columnOf(btf: Btf, m: MemberPlan, name: string, offset: number, tags: string[]): Column {
  const { plan } = m;
  const kind = kindOf(plan);
  const column: Column = {
    name,
    offset,
    size: plan.size,
    typeName: btf.nameOf(m.typeId),
    kind,
    numeric:
      (kind === 'int' || (kind === 'float' && (plan.size === 4 || plan.size === 8))) && !plan.format?.json,
    tags,
  };
  const format = plan.format ?? formatOfParts(plan);
  const withFormat = format ? { ...column, format } : column;
  if (plan.kind === 'array' && plan.element.kind === 'int' && !plan.flexible && !plan.format)
    return { ...withFormat, integers: plan.length };
  if (plan.kind !== 'bits') return withFormat;
  return { ...withFormat, bitfield: { offset: offset * 8 + plan.bit, size: plan.width } };
}

function kindOf(plan: Plan): ColumnKind {
  if (plan.kind === 'chars') return 'char[]';
  if (plan.kind !== 'bits') return plan.kind;
  return typeof plan.meaning === 'string' ? plan.meaning : 'enum';
}
