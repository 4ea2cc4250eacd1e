export { type Access, readAccess, spellAccess } from './access.ts';
export { typesAgree } from './compatible.ts';
export { essentialName } from './names.ts';
export { type Patched, patchInstruction } from './patch.ts';
export {
  type CoreRelocation,
  coreRelocations,
  RELOCATION_KINDS,
  type RelocationKind,
  relocationSubject,
} from './records.ts';
export { CoreResolver, type Resolution } from './resolve.ts';
