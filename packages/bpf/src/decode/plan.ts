import type { FormatSpec } from './types.ts';

/** What a decoder does with one place of a record: BTF boiled down to what reading needs. */
export type Plan =
  | IntPlan
  | BitsPlan
  | BoolPlan
  | FloatPlan
  | EnumPlan
  | PointerPlan
  | CharsPlan
  | ArrayPlan
  | StructPlan;

interface Common {
  /** Bytes. */
  readonly size: number;
  readonly format?: FormatSpec;
}

export interface IntPlan extends Common {
  readonly kind: 'int';
  readonly signed: boolean;
  /** Its most significant byte comes first, as of a `__be16`. */
  readonly bigEndian?: boolean;
}

/** A bit field; `bit` counts from the start of the place, least significant first. */
export interface BitsPlan extends Common {
  readonly kind: 'bits';
  readonly bit: number;
  readonly width: number;
  readonly signed: boolean;
  readonly meaning: 'int' | 'bool' | ReadonlyMap<number | bigint, string>;
}

export interface BoolPlan extends Common {
  readonly kind: 'bool';
}

/** Sizes 4 and 8 have values, others do not. */
export interface FloatPlan extends Common {
  readonly kind: 'float';
}

export interface EnumPlan extends Common {
  readonly kind: 'enum';
  readonly signed: boolean;
  readonly names: ReadonlyMap<number | bigint, string>;
}

export interface PointerPlan extends Common {
  readonly kind: 'ptr';
}

export interface CharsPlan extends Common {
  readonly kind: 'chars';
  /** Ends with the record instead of after `size` bytes. */
  readonly flexible: boolean;
  /** For texts one after another, each with its NUL: the number that says how many bytes they have, `at` bytes from here. */
  readonly bytes?: { readonly at: number; readonly size: number; readonly signed: boolean };
}

export interface ArrayPlan extends Common {
  readonly kind: 'array';
  readonly element: Plan;
  readonly length: number;
  readonly flexible: boolean;
}

export interface MemberPlan {
  /** Empty when anonymous: then the plan is a struct or union, and its members belong to the one around it. */
  readonly name: string;
  readonly offset: number;
  readonly plan: Plan;
  readonly typeId: number;
  readonly tags: readonly string[];
}

interface Composite<K> extends Common {
  readonly kind: K;
  readonly members: readonly MemberPlan[];
}

export type StructPlan = Composite<'struct'> | Composite<'union'>;
