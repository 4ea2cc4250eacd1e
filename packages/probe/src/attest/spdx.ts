import { createHash } from 'node:crypto';
import { distinct, seconds } from './provenance.ts';
import type { BuildFile, BuildRecord, Predicate } from './types.ts';

export const SPDX_TYPE = 'https://spdx.dev/Document';

const UNKNOWN = 'NOASSERTION';

/**
 * What an image consists of and was made from, as an SPDX 2.3 document: the probe, its objects, their sources, and what
 * compiled them. https://spdx.github.io/spdx-spec/v2.3/
 */
export function spdx(record: BuildRecord): Predicate {
  const objects = distinct(record.platforms.flatMap(named));
  const sources = distinct(record.platforms.flatMap((p) => p.sources));
  const tools = Object.entries(record.tools);
  const objectId = (i: number) => `SPDXRef-Object-${i + 1}`;
  const sourceId = (i: number) => `SPDXRef-Source-${i + 1}`;
  const relate = (a: string, relationshipType: string, b: string) => ({
    spdxElementId: a,
    relationshipType,
    relatedSpdxElement: b,
  });
  const document = {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: record.name,
    documentNamespace: `https://spdx.org/spdxdocs/skep-${idOf(record)}`,
    creationInfo: {
      created: seconds(record.created),
      creators: tools.flatMap(([name, version]) => (name === 'skep' ? [`Tool: skep-${version}`] : [])),
    },
    packages: [
      {
        ...packageOf('SPDXRef-Probe', record.name, record.version),
        filesAnalyzed: true,
        packageVerificationCode: { packageVerificationCodeValue: verificationCode(objects) },
        licenseInfoFromFiles: [UNKNOWN],
        primaryPackagePurpose: 'APPLICATION',
        licenseDeclared: record.licenses ?? UNKNOWN,
        ...(record.source && { homepage: record.source }),
      },
      ...tools.map(([name, version]) => packageOf(toolId(name), name, version)),
    ],
    files: [
      ...objects.map((o, i) => fileOf(objectId(i), o, 'BINARY')),
      ...sources.map((s, i) => fileOf(sourceId(i), s, 'SOURCE')),
    ],
    relationships: [
      relate('SPDXRef-DOCUMENT', 'DESCRIBES', 'SPDXRef-Probe'),
      ...objects.map((_, i) => relate('SPDXRef-Probe', 'CONTAINS', objectId(i))),
      ...sources.map((_, i) => relate('SPDXRef-Probe', 'GENERATED_FROM', sourceId(i))),
      ...tools.map(([name]) => relate(toolId(name), 'BUILD_TOOL_OF', 'SPDXRef-Probe')),
    ],
  };
  return { predicateType: SPDX_TYPE, predicate: document };
}

/** Of several platforms, objects under the names of each. */
function named(p: BuildRecord['platforms'][number]): BuildFile[] {
  return p.objects.map((o) => ({ ...o, name: `${p.platform}/${o.name}` }));
}

function packageOf(SPDXID: string, name: string, version: string | undefined) {
  return {
    SPDXID,
    name,
    ...(version !== undefined && { versionInfo: version }),
    downloadLocation: UNKNOWN,
    filesAnalyzed: false,
    licenseConcluded: UNKNOWN,
    licenseDeclared: UNKNOWN,
    copyrightText: UNKNOWN,
  };
}

/** https://spdx.github.io/spdx-spec/v2.3/package-information/#79-package-verification-code-field */
function verificationCode(files: readonly BuildFile[]): string {
  const sums = files.map((f) => f.sha1).sort();
  return createHash('sha1').update(sums.join('')).digest('hex');
}

function fileOf(SPDXID: string, { name, sha1, sha256 }: BuildFile, type: 'BINARY' | 'SOURCE') {
  return {
    SPDXID,
    fileName: `./${name}`,
    fileTypes: [type],
    checksums: [
      { algorithm: 'SHA1', checksumValue: sha1 },
      { algorithm: 'SHA256', checksumValue: sha256 },
    ],
    licenseConcluded: UNKNOWN,
    licenseInfoInFiles: [UNKNOWN],
    copyrightText: UNKNOWN,
  };
}

function toolId(name: string): string {
  return `SPDXRef-Tool-${name.replace(/[^A-Za-z0-9.-]/g, '-')}`;
}

/** Of the same form as a UUID, and the same for the same content, so that a second build gives the same document. */
function idOf(record: BuildRecord): string {
  const { name, version, platforms, tools, created } = record;
  const text = JSON.stringify([name, version, platforms, tools, seconds(created)]);
  const hex = createHash('sha256').update(text).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}
