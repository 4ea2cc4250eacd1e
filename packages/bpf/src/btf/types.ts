/**
 * One type as BTF describes it (Linux, Documentation/bpf/btf.rst). `id` numbers types from 1; 0 is void.
 * Fields called `type` are ids of other types.
 */
export type BtfType =
  | BtfVoid
  | BtfInt
  | BtfArray
  | BtfComposite
  | BtfEnum
  | BtfForward
  | BtfModifier
  | BtfFunction
  | BtfFunctionPrototype
  | BtfVariable
  | BtfDataSection
  | BtfFloat
  | BtfDeclTag;

export type BtfKind = BtfType['kind'];

interface Common {
  readonly id: number;
  /** Empty when the type has none. */
  readonly name: string;
}

export interface BtfVoid extends Common {
  readonly kind: 'void';
}

export interface BtfInt extends Common {
  readonly kind: 'int';
  /** Bytes it occupies. */
  readonly size: number;
  /** Bits of those that hold the value: fewer than `size * 8` in the old encoding of bit fields. */
  readonly bits: number;
  /** First of those bits. */
  readonly bitOffset: number;
  readonly signed: boolean;
  readonly char: boolean;
  readonly bool: boolean;
}

export interface BtfArray extends Common {
  readonly kind: 'array';
  readonly element: number;
  readonly index: number;
  readonly length: number;
}

export interface BtfMember {
  /** Empty for an anonymous struct or union. */
  readonly name: string;
  readonly type: number;
  /** Bits from the start of the struct. */
  readonly bitOffset: number;
  /** Width of a bit field in bits, 0 for an ordinary member. */
  readonly bitSize: number;
}

export interface BtfComposite extends Common {
  readonly kind: 'struct' | 'union';
  readonly size: number;
  readonly members: readonly BtfMember[];
}

export interface BtfEnumerator {
  readonly name: string;
  /** A bigint only where a number would not be exact. */
  readonly value: number | bigint;
}

export interface BtfEnum extends Common {
  readonly kind: 'enum' | 'enum64';
  readonly size: number;
  /**
   * As the compiler said; and, since compilers before LLVM 16 never say, also when an enumerator of 32 bits
   * looks like a small negative number (-4095 to -1).
   */
  readonly signed: boolean;
  /** Whether the compiler said that it is signed. */
  readonly flagged: boolean;
  readonly values: readonly BtfEnumerator[];
}

export interface BtfForward extends Common {
  readonly kind: 'fwd';
  readonly union: boolean;
}

/** Types that point at or decorate one other type. */
export interface BtfModifier extends Common {
  readonly kind: 'ptr' | 'typedef' | 'volatile' | 'const' | 'restrict' | 'type_tag';
  readonly type: number;
}

export type BtfLinkage = 'static' | 'global' | 'extern';

export interface BtfFunction extends Common {
  readonly kind: 'func';
  /** Id of its prototype. */
  readonly type: number;
  readonly linkage: BtfLinkage;
}

export interface BtfParameter {
  readonly name: string;
  /** 0 with an empty name: a variable argument list. */
  readonly type: number;
}

export interface BtfFunctionPrototype extends Common {
  readonly kind: 'func_proto';
  readonly returns: number;
  readonly parameters: readonly BtfParameter[];
}

export interface BtfVariable extends Common {
  readonly kind: 'var';
  readonly type: number;
  readonly linkage: BtfLinkage;
}

export interface BtfSectionVariable {
  /** Id of the `var`. */
  readonly type: number;
  /** Bytes from the start of the section. */
  readonly offset: number;
  readonly size: number;
}

export interface BtfDataSection extends Common {
  readonly kind: 'datasec';
  readonly size: number;
  readonly variables: readonly BtfSectionVariable[];
}

export interface BtfFloat extends Common {
  readonly kind: 'float';
  readonly size: number;
}

export interface BtfDeclTag extends Common {
  readonly kind: 'decl_tag';
  /** What it is attached to. */
  readonly type: number;
  /** Index of the member or parameter, -1 for the type itself. */
  readonly component: number;
}

/** Kinds by number, in the order of the kernel's BTF_KIND_* (include/uapi/linux/btf.h). */
export const BTF_KINDS = [
  'void',
  'int',
  'ptr',
  'array',
  'struct',
  'union',
  'enum',
  'fwd',
  'typedef',
  'volatile',
  'const',
  'restrict',
  'func',
  'func_proto',
  'var',
  'datasec',
  'float',
  'decl_tag',
  'type_tag',
  'enum64',
] as const satisfies readonly BtfKind[];
