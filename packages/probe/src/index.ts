export { type CheckOptions, checkObject, worst } from './check/check.ts';
export type { CheckedObject, CheckedProgram } from './check/types.ts';
export { type CompileOptions, type CompileResult, compile } from './clang/compile.ts';
export type { Builder } from './clang/container/types.ts';
export { CLANG_SUPPORTED, type Clang, findClang } from './clang/find.ts';
export { type HeaderDirs, headerDirs, LIBBPF_HEADERS } from './clang/headers.ts';
export { describeObject, outputOf } from './describe/describe.ts';
export { isLossCount } from './describe/loss-count.ts';
export { readTags, type Tags } from './describe/tags.ts';
export type {
  MapDescription,
  ObjectDescription,
  OutputKind,
  ParamDescription,
  ProgramDescription,
} from './describe/types.ts';
export { type Effect, type EffectProgram, effectsOf, effectText, helpersCalled } from './effects/effects.ts';
export { ProbeError, type ProbeErrorCode, type ProbeErrorDetails } from './errors.ts';
export { parseIp } from './formats/addresses.ts';
export { compareClocks, monotonicOfBoot } from './formats/time.ts';
export { typeFormats } from './formats/type-formats.ts';
export { type Choice, chooseRung, type JudgedRung, judgeRung } from './hooks/choose.ts';
export { hookGroups } from './hooks/groups.ts';
export { judgeHook } from './hooks/judge.ts';
export type { HookGroup, HookObject, HookProgram, Rung } from './hooks/types.ts';
export { mapsUsed } from './hooks/uses.ts';
export type { ImageConfig, ObjectConfig } from './image/config.ts';
export { programsInConfig } from './image/config-programs.ts';
export { layerKind, readExtras } from './image/extras.ts';
export { isFileName } from './image/names.ts';
export { type KernelNeeds, kernelNeeds, type NeededFeature } from './image/needs.ts';
export { type PackOptions, packImage } from './image/pack.ts';
export type { ExtraKind, ExtraLayer, KernelTypes, ProbeImage } from './image/types.ts';
export { unpackImage } from './image/unpack.ts';
export { INIT_CHOICES, type InitChoices, parseInitChoice } from './init/choices.ts';
export { initTemplate } from './init/template.ts';
export { checkLicense, gplOnlyUses, licenseOf } from './license/check.ts';
export { METADATA_FILE, readMetadata } from './metadata/read.ts';
export { metadataSchema } from './metadata/schema.ts';
export type { Metadata } from './metadata/types.ts';
export { applyParam } from './params/apply.ts';
export { type ListEntries, MOST_VALUES, parseList } from './params/list.ts';
export { OWNERS, type Owner, ownerSettings } from './params/owners.ts';
export { findParam, parseParam } from './params/params.ts';
export type { ParamsFile } from './params/parse-file.ts';
export { readParamsFile } from './params/read-file.ts';
export type { ParamSetting } from './params/setting.ts';
export { assignTargets, type Targets } from './targets/assign.ts';
export { calledByMap } from './targets/called-by-map.ts';
export {
  formText,
  TARGET_FORMS,
  TARGET_OPTIONS,
  type TargetForm,
  type TargetOption,
} from './targets/forms.ts';
export {
  lacksTarget,
  missingTargetError,
  parseTarget,
  sectionTarget,
  type Targeted,
} from './targets/parse.ts';
