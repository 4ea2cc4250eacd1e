import { Elf } from '@skep/bpf';
import {
  builtHereMark,
  CREATED,
  type Descriptor,
  formatPlatform,
  type Manifest,
  MEDIA_TYPE,
  machinePlatform,
  parsePlatform,
  type Store,
  type StoredImage,
  sha256,
} from '@skep/oci';
import { describeObject } from '../describe/describe.ts';
import { ProbeError } from '../errors.ts';
import { checkLicense } from '../license/check.ts';
import { checkParams } from '../params/check.ts';
import { assignTargets } from '../targets/assign.ts';
import {
  ATTACH,
  BEE_TEXTS,
  BTF_TYPE,
  CONFIG_TITLE,
  CONFIG_TYPE,
  KERNEL_ARCHITECTURE,
  KERNEL_RELEASE,
  OBJECT_NAME,
  PARAMS,
  PLATFORM,
  PROGRAM_TITLE,
  PROGRAM_TYPE,
  TEXTS,
  TITLE,
} from './layout.ts';
import { checkObjectNames } from './names.ts';
import type { ProbeImage } from './types.ts';

/** How an image is written. */
export interface PackOptions {
  /**
   * `skep` (bee's media types, and annotations that survive a push) or `bee` (to the byte what bee writes: one object,
   * no media type in the manifest, no platform in it). Both run under bee; of several objects it runs the first.
   */
  format?: 'skep' | 'bee';
}

/**
 * Writes an image into a store and gives it a name. Same objects and texts, same digest.
 *
 * ```ts
 * await packImage(store, 'oomkill:1', { name: 'oomkill', objects: [{ name: 'oomkill.o', bytes }] });
 * ```
 *
 * @param ref the name; `img.name` when undefined
 * @throws {ProbeError} `SKEP_OBJECT_INVALID`, `SKEP_LICENSE`, `SKEP_IMAGE_INVALID` (names), `SKEP_IMAGE_FORMAT` (what
 * bee's format cannot hold), `SKEP_TARGET`, `SKEP_PARAM_INVALID`
 * @throws {BpfError} `SKEP_ELF_…`, `SKEP_BTF_…` for what is no BPF object
 * @throws {OciError} `SKEP_REFERENCE_INVALID`, `SKEP_DISK_FULL`, …
 */
export async function packImage(
  store: Store,
  ref: string | undefined,
  img: ProbeImage,
  opts: PackOptions = {},
): Promise<StoredImage> {
  const format = opts.format ?? 'skep';
  checkObjectNames(img);
  if (format === 'bee') checkFitsBee(img);
  const described = img.objects.map(({ name, bytes }) => ({
    description: describeObject(bytes, name),
    bytes,
  }));
  const programs = described.flatMap(({ description }) => description.programs);
  for (const { name, bytes } of img.objects) checkLicense(Elf.parse(bytes), name);
  assignTargets(programs, img.attach ?? []);
  checkParams(img.params ?? [], described);
  const platform = img.platform === undefined ? machinePlatform() : parsePlatform(img.platform);
  const config = await store.putBlob(Buffer.from('{}'), CONFIG_TYPE);
  const layers: Descriptor[] = [];
  for (const [i, { name, bytes }] of img.objects.entries()) {
    const title = i === 0 ? PROGRAM_TITLE : name;
    const annotations: Record<string, string> = { [TITLE]: title };
    if (format === 'skep' && title !== name) annotations[OBJECT_NAME] = name;
    layers.push({ ...(await store.putBlob(bytes, PROGRAM_TYPE)), annotations });
  }
  for (const { release, architecture, bytes } of img.kernelTypes ?? []) {
    const annotations = {
      [KERNEL_ARCHITECTURE]: architecture,
      [KERNEL_RELEASE]: release,
      [TITLE]: `${release}.btf`,
    };
    layers.push({ ...(await store.putBlob(bytes, BTF_TYPE)), annotations });
  }
  const annotations =
    format === 'bee'
      ? annotationsOf(img, BEE_TEXTS)
      : {
          ...annotationsOf(img, TEXTS),
          ...(img.attach?.length ? { [ATTACH]: JSON.stringify(img.attach) } : {}),
          ...(img.params?.length ? { [PARAMS]: JSON.stringify(img.params) } : {}),
          [PLATFORM]: formatPlatform(platform),
        };
  const manifest: Manifest = {
    schemaVersion: 2,
    ...(format === 'skep' ? { mediaType: MEDIA_TYPE.manifest } : {}),
    config: { ...config, annotations: { [TITLE]: CONFIG_TITLE } },
    layers,
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
  };
  const reference = ref ?? img.name;
  const bytes = Buffer.from(JSON.stringify(manifest));
  const mark = builtHereMark(sha256(bytes));
  await store.putImage(reference, bytes, MEDIA_TYPE.manifest, { platform, annotations: mark });
  const stored = await store.resolve(reference);
  if (stored) return stored;
  throw new ProbeError(
    'SKEP_IMAGE_INVALID',
    `${reference} was stored, and removed by another process at once.`,
    {
      hint: 'Build it again.',
    },
  );
}

/** In the order of their names, as Go writes a map and so bee does. */
function annotationsOf(img: ProbeImage, texts: Partial<typeof TEXTS>): Record<string, string> {
  const found = Object.entries(texts).map(([key, name]) => [name, img[key as keyof typeof TEXTS]]);
  const created = img.created ?? sourceDate();
  found.push([CREATED, created?.toISOString().replace('.000Z', 'Z')]);
  return Object.fromEntries(found.filter(([, text]) => text).sort());
}

/** https://reproducible-builds.org/specs/source-date-epoch/ */
function sourceDate(): Date | undefined {
  const epoch = process.env.SOURCE_DATE_EPOCH;
  if (epoch === undefined || epoch === '') return undefined;
  if (/^\d{1,11}$/.test(epoch)) return new Date(Number(epoch) * 1000);
  throw new ProbeError('SKEP_IMAGE_INVALID', `SOURCE_DATE_EPOCH is "${epoch}", which is no time.`, {
    hint: 'Set it to seconds since 1970, or leave it out.',
  });
}

function checkFitsBee(img: ProbeImage): void {
  if (img.kernelTypes && img.kernelTypes.length > 0)
    throw new ProbeError('SKEP_IMAGE_FORMAT', "An image in bee's format has no place for kernel types.", {
      hint: 'Leave out --format bee, or --btf.',
    });
  if (img.attach?.length) {
    throw new ProbeError('SKEP_IMAGE_FORMAT', "An image in bee's format has no place for attach.", {
      hint: 'Leave out --format bee, or name the hooks in the sections.',
    });
  }
  if (img.params?.length) {
    throw new ProbeError('SKEP_IMAGE_FORMAT', "An image in bee's format has no place for params.", {
      hint: 'Leave out --format bee, or give the parameters these defaults in the source.',
    });
  }
  if (img.objects.length === 1) return;
  throw new ProbeError(
    'SKEP_IMAGE_FORMAT',
    `An image in bee's format holds one object, and this one has ${img.objects.length}.`,
    {
      hint: 'Leave out --format bee, or build the sources one by one.',
    },
  );
}
