import type { Descriptor, Store, StoredImage } from '@skep/oci';
import {
  BTF_TYPE,
  EXTRA_TYPES,
  GADGET_BTF,
  GADGET_OBJECT,
  GADGET_WASM,
  PROGRAM_TITLE,
  PROGRAM_TYPE,
  TAR_LAYER,
} from './layout.ts';
import { isObjectType } from './object-layer.ts';
import { readLayer, titleOf } from './read-layers.ts';
import type { ExtraKind, ExtraLayer } from './types.ts';

/** What kind of layer it is, going by its media type; undefined for one that no probe that is read here has. */
export function layerKind(layer: Descriptor): 'object' | 'btf' | 'wasm' | ExtraKind | undefined {
  const { mediaType } = layer;
  if (isObjectType(mediaType) || mediaType === PROGRAM_TYPE) return 'object';
  // bpfman's is in a layer of containers.
  if (mediaType === GADGET_OBJECT || TAR_LAYER.test(mediaType)) return 'object';
  if (mediaType === GADGET_WASM) return 'wasm';
  if (mediaType === GADGET_BTF) return 'btf';
  if (mediaType === BTF_TYPE) return 'btf';
  const extra = (Object.keys(EXTRA_TYPES) as ExtraKind[]).find((kind) => EXTRA_TYPES[kind] === mediaType);
  // bee goes by the title alone.
  return extra ?? (titleOf(layer) === PROGRAM_TITLE ? 'object' : undefined);
}

/**
 * The optional layers of a kind, in the image's order: none when it has none.
 *
 * ```ts
 * for (const { name, bytes } of await readExtras(store, stored, 'rules')) …
 * ```
 *
 * @throws {ProbeError} `SKEP_IMAGE_INVALID` for one of more than 64 MiB
 * @throws {OciError} `SKEP_STORE_CORRUPT`
 */
export async function readExtras(store: Store, image: StoredImage, kind: ExtraKind): Promise<ExtraLayer[]> {
  const out: ExtraLayer[] = [];
  for (const layer of image.manifest.layers.filter((l) => layerKind(l) === kind)) {
    const name = titleOf(layer) ?? kind;
    out.push({ kind, name, bytes: await readLayer(store, image, layer, `${kind} ${name}`) });
  }
  return out;
}
