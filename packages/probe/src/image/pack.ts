import { Elf } from '@skep/bpf';
import {
  builtHereMark,
  type Descriptor,
  formatPlatform,
  type Index,
  type Manifest,
  MEDIA_TYPE,
  machinePlatform,
  type Platform,
  parsePlatform,
  type Store,
  type StoredImage,
  sha256,
} from '@skep/oci';
import type { Predicate } from '../attest/types.ts';
import { describeObject } from '../describe/describe.ts';
import { ProbeError } from '../errors.ts';
import { checkLicense } from '../license/check.ts';
import { checkParams } from '../params/check.ts';
import { assignTargets } from '../targets/assign.ts';
import { configOf } from './config.ts';
import {
  ARTIFACT_TYPE,
  BTF_TYPE,
  EXTRA_TYPES,
  IMAGE_CONFIG_TYPE,
  KERNEL_ARCHITECTURE,
  KERNEL_RELEASE,
  TEXTS,
  TITLE,
} from './layout.ts';
import { checkLayerNames, checkObjectNames } from './names.ts';
import { objectLayer } from './object-layer.ts';
import { packBee } from './pack-bee.ts';
import { annotationsOf, createdText } from './texts.ts';
import type { ProbeImage } from './types.ts';

/** How an image is written. */
export interface PackOptions {
  /**
   * `skep`: an index with a manifest for each platform, as docs/image-spec.md says; or `bee`: to the byte what bee
   * writes, one object for one platform, which bee runs too.
   */
  format?: 'skep' | 'bee';
  /**
   * What the index is to say of the manifest for a platform (`linux/amd64`), unsigned: provenance, SBOM. Not for bee's
   * format, which has no index.
   */
  attestations?: (platform: string) => readonly Predicate[];
}

/**
 * Writes an image into a store and gives it a name. Same objects and texts, same digest.
 *
 * ```ts
 * await packImage(store, 'oomkill:1', { name: 'oomkill', objects: [{ name: 'oomkill.o', bytes }] });
 * ```
 *
 * @param ref the name; `img.name` when undefined
 * @param img or several: the same probe for different platforms
 * @throws {ProbeError} `SKEP_OBJECT_INVALID`, `SKEP_LICENSE`, `SKEP_IMAGE_INVALID` (names, a platform twice),
 * `SKEP_IMAGE_FORMAT` (what bee's format cannot hold), `SKEP_TARGET`, `SKEP_PARAM_INVALID`
 * @throws {BpfError} `SKEP_ELF_…`, `SKEP_BTF_…` for what is no BPF object
 * @throws {OciError} `SKEP_REFERENCE_INVALID`, `SKEP_DISK_FULL`, …
 */
export async function packImage(
  store: Store,
  ref: string | undefined,
  img: ProbeImage | readonly ProbeImage[],
  opts: PackOptions = {},
): Promise<StoredImage> {
  const images = (Array.isArray(img) ? img : [img]) as readonly ProbeImage[];
  const [first, ...others] = images;
  if (first === undefined) throw new TypeError('no image to pack');
  for (const one of images) checkImage(one);
  const reference = ref ?? first.name;
  if (opts.format === 'bee') {
    if (others.length > 0) {
      throw new ProbeError('SKEP_IMAGE_FORMAT', "An image in bee's format is for one platform.", {
        hint: 'Leave out --format bee, or name one platform.',
      });
    }
    const { bytes, platform } = await packBee(store, first);
    const annotations = builtHereMark(sha256(bytes));
    await store.putImage(reference, bytes, MEDIA_TYPE.manifest, { platform, annotations });
  } else {
    const { bytes, holds } = await packIndex(store, images, opts.attestations);
    const annotations = builtHereMark(sha256(bytes));
    await store.putImage(reference, bytes, MEDIA_TYPE.index, { annotations }, holds);
  }
  const stored = await store.resolve(reference);
  if (stored) return stored;
  throw new ProbeError(
    'SKEP_IMAGE_INVALID',
    `${reference} was stored, and removed by another process at once.`,
    { hint: 'Build it again.' },
  );
}

function checkImage(img: ProbeImage): void {
  checkObjectNames(img);
  const described = img.objects.map(({ name, bytes }) => ({
    description: describeObject(bytes, name),
    bytes,
  }));
  const programs = described.flatMap(({ description }) => description.programs);
  for (const { name, bytes } of img.objects) checkLicense(Elf.parse(bytes), name);
  assignTargets(programs, img.attach ?? []);
  checkParams(img.params ?? [], described);
  const maps = described.flatMap(({ description }) => description.maps.map((m) => m.name));
  for (const text of img.show ?? []) {
    const map = text.replace(/^.*=|:.*$/g, '');
    if (maps.includes(map)) continue;
    throw new ProbeError('SKEP_IMAGE_INVALID', `show "${text}": no object has a map "${map}".`, {
      hint: `Maps: ${[...new Set(maps)].join(', ')}.`,
    });
  }
}

/** The index, and all that was stored for it. In the order of the platforms' names, however they were asked for. */
async function packIndex(
  store: Store,
  images: readonly ProbeImage[],
  attestations: PackOptions['attestations'],
): Promise<{ bytes: Uint8Array; holds: Descriptor[] }> {
  const platforms = images.map((i) =>
    i.platform === undefined ? machinePlatform() : parsePlatform(i.platform),
  );
  const names = platforms.map(formatPlatform);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new ProbeError('SKEP_IMAGE_INVALID', `The platform ${twice} is named twice.`, {
      hint: 'Name it once.',
    });
  const manifests: Descriptor[] = [];
  const attesting: Descriptor[] = [];
  const holds: Descriptor[] = [];
  for (const i of [...names.keys()].sort((a, b) => (names[a]! < names[b]! ? -1 : 1))) {
    const packed = await packPlatform(store, images[i]!, platforms[i]!);
    const { architecture, os, variant } = platforms[i]!;
    const platform = { architecture, os, ...(variant !== undefined && { variant }) };
    manifests.push({ ...packed.manifest, platform });
    holds.push(packed.manifest, ...packed.blobs);
    const predicates = attestations?.(names[i]!) ?? [];
    if (predicates.length === 0) continue;
    const { packAttestations } = await import('./pack-attestations.ts');
    const said = await packAttestations(store, packed.manifest.digest, predicates);
    attesting.push(said.entry);
    holds.push(...said.blobs);
  }
  const annotations = annotationsOf(images[0]!, TEXTS);
  const index: Index = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.index,
    manifests: [...manifests, ...attesting],
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
  };
  return { bytes: Buffer.from(asGoWrites(index)), holds };
}

/**
 * skopeo before 1.14 reads an index when it copies one, and writes it anew: without fields that came with OCI 1.1 (so
 * artifactType stands on the manifests only), in the order of Go's structs, `<`, `>` and `&` escaped. Written like that at
 * once, an index keeps its digest and so its signatures.
 */
function asGoWrites(index: Index): string {
  return JSON.stringify(index).replace(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

async function packPlatform(
  store: Store,
  img: ProbeImage,
  platform: Platform,
): Promise<{ manifest: Descriptor; blobs: Descriptor[] }> {
  const layers: Descriptor[] = [];
  const add = async (bytes: Uint8Array, type: string, annotations: Record<string, string>): Promise<void> => {
    layers.push({ ...(await store.putBlob(bytes, type)), annotations });
  };
  for (const { name, bytes } of img.objects) {
    const layer = objectLayer(bytes);
    await add(layer.bytes, layer.mediaType, { [TITLE]: name });
  }
  const digests = layers.map((l) => l.digest);
  for (const { release, architecture, bytes } of img.kernelTypes ?? []) {
    await add(bytes, BTF_TYPE, {
      [KERNEL_ARCHITECTURE]: architecture,
      [KERNEL_RELEASE]: release,
      [TITLE]: `${release}.btf`,
    });
  }
  for (const { kind, name, bytes } of img.extras ?? [])
    await add(bytes, EXTRA_TYPES[kind], { [TITLE]: name });
  checkLayerNames(
    img.name,
    layers.map((l) => l.annotations?.[TITLE] ?? ''),
  );
  const config = configOf(img, platform, digests, createdText(img));
  const annotations = annotationsOf(img, TEXTS);
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    artifactType: ARTIFACT_TYPE,
    config: await store.putBlob(Buffer.from(JSON.stringify(config)), IMAGE_CONFIG_TYPE),
    layers,
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
  };
  const blob = await store.putBlob(Buffer.from(JSON.stringify(manifest)), MEDIA_TYPE.manifest);
  return { manifest: blob, blobs: [manifest.config, ...layers] };
}
