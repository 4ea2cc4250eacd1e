import { MAX_OBJECT_BYTES, OBJECT_TYPE, PACKED_OBJECT_TYPE, PLAIN_OBJECT_BYTES } from './layout.ts';

// Loaded when there is something to compress: most starts are spared it.
const zlib = () => process.getBuiltinModule('node:zlib');

/**
 * Between the time that a build takes and the size that is stored. Of the bytes of a version of zstd the level is what
 * decides, on any processor: no machine gives another digest.
 */
const LEVEL = 19;

/** Whether a layer of this type holds an object. */
export function isObjectType(mediaType: string): boolean {
  return mediaType === OBJECT_TYPE || mediaType === PACKED_OBJECT_TYPE;
}

/** An object as a layer: as it is while it is small, else compressed. */
export function objectLayer(object: Uint8Array): { mediaType: string; bytes: Uint8Array } {
  if (object.length <= PLAIN_OBJECT_BYTES) return { mediaType: OBJECT_TYPE, bytes: object };
  const { constants, zstdCompressSync } = zlib();
  const params = { [constants.ZSTD_c_compressionLevel]: LEVEL };
  return { mediaType: PACKED_OBJECT_TYPE, bytes: zstdCompressSync(object, { params }) };
}

/**
 * The object in a layer.
 *
 * @throws Error, with a sentence, for what is not zstd or would unpack to more than 64 MiB
 */
export function objectInLayer(mediaType: string, bytes: Uint8Array): Uint8Array {
  if (mediaType !== PACKED_OBJECT_TYPE) return bytes;
  try {
    return new Uint8Array(zlib().zstdDecompressSync(bytes, { maxOutputLength: MAX_OBJECT_BYTES }));
  } catch (e) {
    const tooLarge = e instanceof RangeError;
    throw new Error(tooLarge ? 'it unpacks to more than the 64 MiB allowed' : 'its zstd is damaged', {
      cause: e,
    });
  }
}
