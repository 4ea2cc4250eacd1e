import { parseDocument } from '../manifest.ts';
import type { Store } from '../store/store.ts';
import { type Descriptor, MEDIA_TYPE } from '../types.ts';
import { MOST_ATTACHED, type SignaturePlace } from './place.ts';
import { signatureTag } from './simple-signing.ts';

/** The signatures that a store keeps beside its images. */
export function storePlace(store: Store): SignaturePlace {
  return {
    name: store.dir,
    async *attached(digest) {
      for (const entry of store.attached(digest).slice(0, MOST_ATTACHED)) {
        const bytes = await store.readBlob(entry.digest);
        const document = parseDocument(bytes, entry.mediaType, `A signature of ${digest}`);
        if (document.kind !== 'manifest') continue;
        const tag = document.manifest.subject ? {} : { tag: signatureTag(digest) };
        yield { bytes, manifest: document.manifest, ...tag };
      }
    },
    readBlob: (blob: Descriptor) => store.readBlob(blob.digest),
    putBlob: (bytes, mediaType) => store.putBlob(bytes, mediaType),
    attach: (digest, { bytes, tag }) => store.attach(digest, bytes, MEDIA_TYPE.manifest, tag !== undefined),
  };
}
