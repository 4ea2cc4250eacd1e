import { OciError } from '../errors.ts';
import { parseDocument } from '../manifest.ts';
import { formatReference, parseReference } from '../reference.ts';
import type { RegistryOptions } from './options.ts';
import { eachParallel } from './parallel.ts';
import { dropFromTagList } from './referrers.ts';
import { type FetchedManifest, Registry } from './registry.ts';
import { needRegistry } from './remote.ts';
import { listTags, tagsThere } from './tags.ts';

/** What a deletion in a registry did. */
export interface RemoteRemoval {
  /** `HOST/NAME:TAG` of a tag that went alone. */
  untagged?: string;
  /** `HOST/NAME@DIGEST` of a manifest that went, with all its tags. */
  deleted?: string;
}

// Registries from before OCI 1.1 delete manifests by digest only, and say so in these ways.
const TAGS_STAY = [400, 404, 405, 501];

/** See the exported `removeRemote`. */
export async function removeRemote(ref: string, opts: RegistryOptions): Promise<RemoteRemoval> {
  const reference = parseReference(ref);
  const host = needRegistry(reference, 'look');
  if (reference.tag === undefined && reference.digest === undefined) {
    throw new OciError('SKEP_REFERENCE_INVALID', `${ref} names no tag, and nothing is deleted by default.`, {
      hint: `Write ${ref}:TAG; skep tags ${ref} shows which there are.`,
    });
  }
  const { repository, tag, digest } = reference;
  using registry = new Registry(host, opts);
  const top = await registry.getManifest(repository, (digest ?? tag) as string, 'delete');
  const whole = formatReference({ ...reference, tag: undefined, digest: top.digest });
  if (digest !== undefined || tag === undefined) {
    await deleteManifest(registry, repository, top);
    await deleteTags(registry, repository, top.digest);
    return { deleted: whole };
  }
  const res = await registry.request(repository, `manifests/${tag}`, {
    method: 'DELETE',
    actions: 'delete',
    expect: [202, 200, 204, ...TAGS_STAY],
    what: `delete ${repository}:${tag}`,
  });
  res.resume();
  if (!TAGS_STAY.includes(res.statusCode ?? 0)) return { untagged: formatReference(reference) };
  // There the tag goes only with its manifest, so that must have no other.
  const all = await listTags(registry, repository);
  const others = await tagsOf(
    registry,
    repository,
    top.digest,
    all.filter((other) => other !== tag),
  );
  if (others.length > 0) {
    throw new OciError(
      'SKEP_REGISTRY',
      `${host} cannot take away the tag ${tag} alone, and ${others.join(', ')} ${others.length === 1 ? 'is' : 'are'} the same image.`,
      { hint: `skep rm --remote ${whole} deletes it with all its tags.` },
    );
  }
  await deleteManifest(registry, repository, top);
  return { untagged: formatReference(reference), deleted: whole };
}

async function deleteManifest(registry: Registry, repository: string, top: FetchedManifest): Promise<void> {
  const { digest, bytes, mediaType } = top;
  const res = await registry.request(repository, `manifests/${digest}`, {
    method: 'DELETE',
    actions: 'delete',
    expect: [202, 200, 204, 405, 501],
    what: `delete ${repository}@${digest}`,
  });
  res.resume();
  if (res.statusCode === 405 || res.statusCode === 501) {
    throw new OciError(
      'SKEP_REGISTRY',
      `${registry.host} lets nobody delete (it answers ${res.statusCode}).`,
      {
        hint: 'Deleting has to be switched on there; for docker-registry, storage.delete.enabled in its configuration.',
      },
    );
  }
  const document = parseDocument(bytes, mediaType, `The manifest ${digest}`);
  const subject = document.kind === 'manifest' ? document.manifest.subject : undefined;
  if (subject !== undefined) await dropFromTagList(registry, repository, subject.digest, digest);
}

/**
 * Some registries keep a tag whose image was deleted by its digest, and the image with it (go-containerregistry's). Each tag that is
 * left is asked for: from one that went, nothing follows, since somebody else may have taken it away.
 */
async function deleteTags(registry: Registry, repository: string, digest: string): Promise<void> {
  const tags = await tagsThere(registry, repository);
  for (const tag of await tagsOf(registry, repository, digest, tags)) {
    const res = await registry.request(repository, `manifests/${tag}`, {
      method: 'DELETE',
      actions: 'delete',
      expect: [202, 200, 204, 404],
      what: `delete ${repository}:${tag}`,
    });
    res.resume();
  }
}

/** Which of these tags are of an image. */
async function tagsOf(
  registry: Registry,
  repository: string,
  digest: string,
  tags: Iterable<string>,
): Promise<string[]> {
  const same: string[] = [];
  await eachParallel([...tags], 8, async (tag) => {
    if ((await registry.manifestDigest(repository, tag)) === digest) same.push(tag);
  });
  return same.sort();
}
