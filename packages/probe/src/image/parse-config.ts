import type { StoredImage } from '@skep/oci';
import { ProbeError } from '../errors.ts';
import type { ImageConfig } from './config.ts';
import { invalid } from './read-layers.ts';

const TEXT_KEYS = [
  'version',
  'description',
  'authors',
  'license',
  'source',
  'created',
  'skepHeader',
] as const;
const MAX_TEXT = 4096;

/** What of a config is used to run an image. The rest tells people and tools about it, and is kept as it is. */
export type ReadConfig = Omit<ImageConfig, 'requires' | 'objects'> & {
  objects: { name: string; digest: string }[];
};

/**
 * Reads a config document. Keys that are not known are left alone: a later minor version of the layout may have added them.
 *
 * @throws {ProbeError} `SKEP_IMAGE_INVALID`, or `SKEP_IMAGE_UNSUPPORTED` for a layout of a later version
 */
export function parseConfig(bytes: Uint8Array, image: StoredImage): ReadConfig {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw invalid(image, 'its config is not JSON');
  }
  if (!isRecord(json)) throw invalid(image, 'its config is not a JSON object');
  const { schemaVersion } = json;
  if (typeof schemaVersion === 'number' && schemaVersion > 1) {
    throw new ProbeError(
      'SKEP_IMAGE_UNSUPPORTED',
      `The image ${image.reference} was made by a newer skep: its config has version ${schemaVersion}.`,
      { hint: 'Update skep; this one reads version 1.' },
    );
  }
  if (schemaVersion !== 1) throw invalid(image, 'its config says no schemaVersion');
  for (const key of ['name', 'os', 'architecture']) if (!isText(json[key])) throw wrong(image, key);
  for (const key of TEXT_KEYS) if (json[key] !== undefined && !isText(json[key])) throw wrong(image, key);
  for (const key of ['attach', 'defaults', 'show']) {
    const list = json[key];
    if (list !== undefined && !(Array.isArray(list) && list.every(isText))) throw wrong(image, key);
  }
  const { objects } = json;
  const isObject = (o: unknown) => isRecord(o) && isText(o.name) && isText(o.digest);
  if (!Array.isArray(objects) || !objects.every(isObject)) throw wrong(image, 'objects');
  return json as unknown as ReadConfig;
}

function wrong(image: StoredImage, key: string): ProbeError {
  return invalid(image, `"${key}" of its config is not what docs/image-spec.md asks for`);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_TEXT;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
