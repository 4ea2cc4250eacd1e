import type { BuildFile, BuildRecord, Predicate } from './types.ts';

/** https://slsa.dev/spec/v1.0/provenance */
export const PROVENANCE_TYPE = 'https://slsa.dev/provenance/v1';

/** What `externalParameters` and `internalParameters` below mean: docs/trust.md, "Provenance and SBOM". */
export const BUILD_TYPE = 'urn:dev.skep:build:v1';
/** A build on somebody's machine. Whoever signs the provenance says with it whose. */
export const LOCAL_BUILDER = 'urn:dev.skep:builder:local';

/**
 * How an image was built, as SLSA's provenance v1.
 *
 * @param mode `min` leaves out what the user's flags say, which may hold names of folders; `max` says it
 */
export function provenance(record: BuildRecord, mode: 'min' | 'max'): Predicate {
  const { platforms, tools, parameters, revision, builderId, started, created } = record;
  const said = mode === 'max' ? parameters : {};
  const sources = distinct(platforms.flatMap((p) => p.sources));
  return {
    predicateType: PROVENANCE_TYPE,
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { name: record.name, platforms: platforms.map((p) => p.platform), ...said },
        internalParameters: { tools },
        resolvedDependencies: [
          ...(revision
            ? [
                {
                  ...(revision.uri !== undefined && { uri: revision.uri }),
                  digest: { gitCommit: revision.commit },
                  annotations: { changed: revision.changed },
                },
              ]
            : []),
          ...sources.map(({ name, sha256 }) => ({ name, digest: { sha256 } })),
        ],
      },
      runDetails: {
        builder: { id: builderId ?? LOCAL_BUILDER, version: tools },
        ...(started && {
          metadata: { startedOn: seconds(started), finishedOn: seconds(created) },
        }),
      },
    },
  };
}

/** Files by name, each once. */
export function distinct(files: readonly BuildFile[]): BuildFile[] {
  const found = new Map(files.map((f) => [`${f.name} ${f.sha256}`, f]));
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `2026-01-01T00:00:00Z`: the form that SLSA and SPDX ask for. */
export function seconds(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z');
}
