import { formatPlatform } from '../platform.ts';
import type { Store } from '../store/store.ts';
import {
  CONTAINER_CONFIG,
  type Descriptor,
  type Index,
  type Manifest,
  MEDIA_TYPE,
  type Platform,
} from '../types.ts';
import type { Layer } from './layer.ts';

/** A container for one platform. */
export interface ContainerPart {
  platform: Platform;
  /** Lowest first. */
  layers: readonly Layer[];
}

/** How a container starts, and what it says of itself. */
export interface ContainerSettings {
  entrypoint: readonly string[];
  /** `NAME=value` */
  env: readonly string[];
  /** Labels, which every engine shows; also written as annotations, which registries show. */
  labels: Readonly<Record<string, string>>;
  /** The signal that ends it in order: `SIGTERM`. */
  stopSignal: string;
  /** RFC 3339. */
  created: string;
}

/**
 * Stores layers as an ordinary container image under a name: an index with a manifest for each platform. Same layers and
 * settings, same digest. No engine is asked.
 *
 * @throws OciError SKEP_REFERENCE_INVALID, SKEP_STORE_CORRUPT (a layer is not in the store), SKEP_DISK_FULL
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md
 */
export async function putContainer(
  store: Store,
  ref: string,
  parts: readonly ContainerPart[],
  settings: ContainerSettings,
): Promise<Descriptor> {
  const holds: Descriptor[] = [];
  const manifests: Descriptor[] = [];
  const annotations = { ...settings.labels, 'org.opencontainers.image.created': settings.created };
  for (const part of [...parts].sort(byPlatform)) {
    const config = await store.putBlob(json(configOf(part, settings)), CONTAINER_CONFIG);
    const layers = part.layers.map((l) => l.descriptor);
    const manifest: Manifest = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.manifest,
      config,
      layers,
      annotations,
    };
    const stored = await store.putBlob(json(manifest), MEDIA_TYPE.manifest);
    manifests.push({ ...stored, platform: part.platform });
    holds.push(stored, config, ...layers);
  }
  const index: Index = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests, annotations };
  return store.putImage(ref, json(index), MEDIA_TYPE.index, {}, holds);
}

function configOf({ platform, layers }: ContainerPart, s: ContainerSettings): object {
  return {
    created: s.created,
    ...platform,
    config: {
      Env: s.env,
      Entrypoint: s.entrypoint,
      WorkingDir: '/',
      Labels: s.labels,
      StopSignal: s.stopSignal,
    },
    rootfs: { type: 'layers', diff_ids: layers.map((l) => l.diffId) },
    history: layers.map(() => ({ created: s.created, created_by: 'skep package' })),
  };
}

function json(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function byPlatform(a: ContainerPart, b: ContainerPart): number {
  return formatPlatform(a.platform) < formatPlatform(b.platform) ? -1 : 1;
}
