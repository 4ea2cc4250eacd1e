import type { IncomingMessage } from 'node:http';
import { OciError } from '../errors.ts';
import { readBody } from './errors.ts';
import { header, type Registry, type RepositoryCall } from './registry.ts';

const MAX_PAGE_BYTES = 8 * 1024 * 1024;
const MAX_PAGES = 10_000;
/** Of a whole listing: a registry that goes on for ever is to exhaust its own memory. 64 MiB. */
const MAX_LISTING_BYTES = 64 * 1024 * 1024;

/** One page of a listing: its answer and body. */
export interface Page {
  res: IncomingMessage;
  body: Buffer;
}

/**
 * A listing that comes in pages, as https://www.rfc-editor.org/rfc/rfc8288 links them. A link is followed on the
 * registry's own address only, whatever host it names: behind a proxy many registries name a wrong one.
 *
 * @param rest the end of the path, as in {@link Registry.request}
 * @throws OciError SKEP_REGISTRY for a page over 8 MiB, for 64 MiB of them, and for pages that lead in a circle
 */
export async function* pages(
  registry: Registry,
  repository: string,
  rest: string,
  call: RepositoryCall,
): AsyncGenerator<Page> {
  const seen = new Set<string>();
  let read = 0;
  let next: string | URL = rest;
  for (;;) {
    const res: IncomingMessage = await registry.request(repository, next, call);
    const body = await readBody(res, MAX_PAGE_BYTES, registry.host, call.what);
    read += body.length;
    yield { res, body };
    const link = nextLink(header(res, 'link'));
    if (link === undefined) return;
    const address = registry.resolve(link);
    const path = `${address.pathname}${address.search}`;
    if (seen.has(path) || seen.size >= MAX_PAGES || read > MAX_LISTING_BYTES) {
      throw new OciError('SKEP_REGISTRY', `${registry.host} gives pages without end.`, {
        hint: 'Tell who runs the registry.',
      });
    }
    seen.add(path);
    next = registry.resolve(path);
  }
}

function nextLink(value: string | undefined): string | undefined {
  for (const m of (value ?? '').matchAll(/<([^>]*)>([^<]*)/g)) {
    if (/;\s*rel\s*=\s*"?next"?/i.test(m[2] ?? '')) return m[1];
  }
  return undefined;
}
