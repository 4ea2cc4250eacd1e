/** What an image says of its own making. Apart from the rest: only `build --provenance` and `--sbom` need it. */
export { LOCAL_BUILDER, PROVENANCE_TYPE, provenance } from './provenance.ts';
export { SPDX_TYPE, spdx } from './spdx.ts';
export type { BuildFile, BuildRecord, BuiltPlatform, Predicate, SourceRevision } from './types.ts';
