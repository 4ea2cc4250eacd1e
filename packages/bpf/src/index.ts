export { Btf, btfArchitecture } from './btf/btf.ts';
export { vmlinuxTypes } from './btf/from-vmlinux.ts';
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
export {
  type CoreRelocation,
  CoreResolver,
  coreRelocations,
  essentialName,
  type Patched,
  patchInstruction,
  type RelocationKind,
  type Resolution,
  readAccess,
  relocationSubject,
  typesAgree,
} from './core-relo/index.ts';
export { namesEnumerators } from './decode/build-plan.ts';
export { compileDecoder } from './decode/compile.ts';
export type { KeyLayout } from './decode/key-layout.ts';
export { isNetworkOrder } from './decode/network-order.ts';
export { RawKeyTable } from './decode/raw-key-table.ts';
export { recordView } from './decode/record-view.ts';
export { shortFloat } from './decode/short-float.ts';
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
export { quickFacts, runningKernel } from './facts/running.ts';
export { isFactsFile, storedKernel, storedKernelAhead, storedKernels, unpackFacts } from './facts/stored.ts';
export type { KernelFacts, KernelFunctions, NoProgram, Tracepoints, Verdict } from './facts/types.ts';
export {
  type FeatureGroup,
  featureGroups,
  type KernelFeature,
  kernelFeatures,
} from './features/features.ts';
export { askHelpers, type Helpers, helperTables, probeHelpers } from './features/helpers.ts';
export { type HookKind, hookKinds, probeHook } from './features/hooks.ts';
export type { FeatureResult } from './features/result.ts';
export {
  enableStats,
  hasKernelBtf,
  jitEnabled,
  type Lockdown,
  lockdown,
  memlockLimit,
  raiseMemlock,
  sleptNs,
  unprivilegedBpf,
} from './features/system.ts';
export { probeMapType, probeProgramType } from './features/types.ts';
export {
  type Inventory,
  type LoadedLink,
  type LoadedMap,
  type LoadedProgram,
  takeInventory,
} from './inventory/inventory.ts';
export type { Owner } from './inventory/owners.ts';
export { capabilities } from './kernel/capabilities.ts';
export { giveUpPrivileges } from './kernel/confine.ts';
export { onlineCpus, possibleCpus } from './kernel/cpus.ts';
export { errnoName } from './kernel/errno.ts';
export { bpffs, ensureBpffs, ensureTracefs, tracefs } from './kernel/filesystems.ts';
export { systemCallWrapper } from './kernel/functions.ts';
export { helperName, helperNames } from './kernel/helpers.ts';
export { notifyService } from './kernel/notify.ts';
export { releaseMemory } from './kernel/resident.ts';
export { isThere } from './kernel/there.ts';
export { globRegExp } from './kernel/traceable.ts';
export { type MapType, mapTypeName, mapTypes, type ProgramType, programTypes } from './kernel/types.ts';
export type { AttachOptions } from './links/attach.ts';
export { sweepClsact } from './links/clsact.ts';
export { BpfLink, closeLinks } from './links/link.ts';
export { countMisses, type Misses, missesKnown } from './links/misses.ts';
export { nearest } from './links/nearest.ts';
export type { MapBatch } from './maps/batch.ts';
export { MapUpdate } from './maps/entries.ts';
export { BpfMap, type MapShape } from './maps/map.ts';
export type { EntryWalk } from './maps/walk.ts';
export { minimalBtf } from './minimal-btf/minimal.ts';
export { alikePrograms } from './object/alike.ts';
export type { GlobalVariable } from './object/globals.ts';
export { BpfObject } from './object/object.ts';
export { parseObject } from './object/parse.ts';
export { BpfProgram, type ProgramInfo, type TestRunOptions, type TestRunResult } from './object/program.ts';
export { type ProgramSection, parseSection, programKinds, sectionHint } from './object/section.ts';
export type { Code, Place } from './reach/code.ts';
export { decodeChanged, instructionsIn } from './reach/code.ts';
export { CALL, type Instruction, instructionAt, LD_IMM64, lengthOf } from './reach/instruction.ts';
export { type Reached, reach } from './reach/reach.ts';
export type { Value as ReachValue } from './reach/value.ts';
export { number as reachNumber } from './reach/value.ts';
export { openPerfBuffer, type PerfBufferOptions } from './ring/perf-buffer.ts';
export { Poller } from './ring/poller.ts';
export type { OnRecord, RecordReader } from './ring/reader.ts';
export { openRingBuffer } from './ring/ring-buffer.ts';
export { type KernelFunction, KernelSymbols } from './symbols/kallsyms.ts';
export { explainVerifierLog, type VerifierContext, type VerifierExplanation } from './verifier/explain.ts';
export { dumpVmlinuxHeader } from './vmlinux/dump.ts';
