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
export { compileDecoder } from './decode/compile.ts';
export type { KeyLayout } from './decode/key-layout.ts';
export { RawKeyTable } from './decode/raw-key-table.ts';
export { recordView } from './decode/record-view.ts';
export type {
  Column,
  ColumnKind,
  DecodeOptions,
  Decoder,
  FormatSpec,
  RecordView,
  Value,
} from './decode/types.ts';
export { ipv4JsonInto } from './decode/write-address.ts';
export { writeI64, writeU32, writeU64 } from './decode/write-numbers.ts';
export { stringify } from './decode/write-text.ts';
export { Elf } from './elf/elf.ts';
export type {
  ElfRelocation,
  ElfSection,
  ElfSymbol,
  ElfSymbolBinding,
  ElfSymbolType,
} from './elf/types.ts';
export { BpfError, type BpfErrorCode, type BpfErrorDetails } from './errors.ts';
