import type { Store } from '../store/store.ts';
import { IMAGES_AT_ONCE, inOrder } from './ahead.ts';
import type { TransferOptions } from './options.ts';
import { type PulledImage, pullFrom } from './pull.ts';
import { Registry } from './registry.ts';
import { needRegistry } from './remote.ts';
import { parseRepository } from './repository.ts';
import { imageTags, listTags } from './tags.ts';

/** See the exported `pullAllTags`. */
export async function* pullAllTags(
  store: Store,
  ref: string,
  opts: TransferOptions = {},
): AsyncGenerator<PulledImage> {
  const repository = parseRepository(ref);
  using registry = new Registry(needRegistry(repository, 'pull'), opts);
  const tags = imageTags(await listTags(registry, repository.repository));
  yield* inOrder(tags, IMAGES_AT_ONCE, (tag) => pullFrom(registry, store, { ...repository, tag }, opts));
}
