import { OciError, printable } from '../errors.ts';
import { isObject } from '../manifest.ts';
import { isTag } from '../reference.ts';
import { pages } from './pages.ts';
import type { Registry } from './registry.ts';

/**
 * All tags of a repository, in the registry's order, each once.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags
 *
 * @throws OciError SKEP_NOT_FOUND, SKEP_REGISTRY (an answer that is no list of tags), …
 */
export async function listTags(registry: Registry, repository: string): Promise<string[]> {
  const tags = new Set<string>();
  const call = { method: 'GET', expect: [200], what: `list the tags of ${repository}` };
  for await (const { body } of pages(registry, repository, 'tags/list', call)) {
    for (const tag of readTags(body, registry.host, repository)) tags.add(tag);
  }
  return [...tags];
}

/** Sorted, and without those under which registries keep what refers to an image: `sha256-…`, and cosign's with an ending. */
export function imageTags(tags: readonly string[]): string[] {
  return tags.filter((tag) => !/^sha\d{3}-[0-9a-f]{64,}(\.(sig|att|sbom))?$/.test(tag)).sort();
}

/** The tags that a repository has already; none where it is new, or does not say. */
export async function tagsThere(registry: Registry, repository: string): Promise<ReadonlySet<string>> {
  try {
    return new Set(await listTags(registry, repository));
  } catch (e) {
    // Whether anything may be sent there shows when it is.
    if (e instanceof OciError && ['SKEP_NOT_FOUND', 'SKEP_FORBIDDEN', 'SKEP_UNAUTHORIZED'].includes(e.code))
      return new Set();
    throw e;
  }
}

function readTags(body: Buffer, host: string, repository: string): string[] {
  const fail = (why: string): never => {
    throw new OciError('SKEP_REGISTRY', `${host} answers for the tags of ${repository} with ${why}.`, {
      hint: 'Check that the address is that of a registry.',
    });
  };
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    return fail('something that is not JSON');
  }
  // Registries written in Go say null for none.
  const tags = isObject(json) ? (json.tags ?? []) : undefined;
  if (!Array.isArray(tags)) return fail('something that is no list');
  const wrong = tags.find((tag) => typeof tag !== 'string' || !isTag(tag));
  if (wrong !== undefined) return fail(`"${printable(String(wrong), 40)}", which is no tag`);
  return tags as string[];
}
