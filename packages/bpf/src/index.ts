export { Btf } from './btf/btf.ts';
export { type LineInfo, lineInfo, type SourceLine, sourceLineAt } from './btf/line-info.ts';
export { type MapDefinition, mapDefinitions } from './btf/map-definitions.ts';
export type {
  BtfArray,
  BtfComposite,
  BtfDataSection,
  BtfDeclTag,
  BtfEnum,
  BtfEnumerator,
  BtfFloat,
  BtfForward,
  BtfFunction,
  BtfFunctionPrototype,
  BtfInt,
  BtfKind,
  BtfLinkage,
  BtfMember,
  BtfModifier,
  BtfParameter,
  BtfSectionVariable,
  BtfType,
  BtfVariable,
  BtfVoid,
} from './btf/types.ts';
export { Elf } from './elf/elf.ts';
export type {
  ElfRelocation,
  ElfSection,
  ElfSymbol,
  ElfSymbolBinding,
  ElfSymbolType,
} from './elf/types.ts';
export { BpfError, type BpfErrorCode, type BpfErrorDetails } from './errors.ts';
