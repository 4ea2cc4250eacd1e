import { OciError, printable } from './errors.ts';

/** An image name taken apart. Without `registry` it is a name in the local store only. */
export interface Reference {
  /** `host` or `host:port`, as written. */
  registry?: string;
  /** Lower-case path, for example `probes/oomkill`. */
  repository: string;
  tag?: string;
  /** `sha256:…` or `sha512:…`. */
  digest?: string;
}

// The grammar is that of docker: https://github.com/distribution/reference/blob/main/reference.go
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const REGISTRY = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]{1,5})?$`);
const MAX_NAME = 255;
const HINT = 'Write NAME, NAME:TAG, NAME@sha256:DIGEST or HOST[:PORT]/NAME:TAG.';

/** Whether `s` is a digest that this package understands (`sha256:` or `sha512:` and lower-case hex). */
export function isDigest(s: string): boolean {
  return DIGEST.test(s);
}

/** Whether `s` can be a tag. */
export function isTag(s: string): boolean {
  return TAG.test(s);
}

/**
 * Takes an image reference apart by docker's rules, but without a default registry: the first part of the
 * path is a registry when it holds a `.` or a `:`, an upper-case letter, or is `localhost`; all else is a local name.
 *
 * @throws OciError SKEP_REFERENCE_INVALID, saying which part is wrong
 * @example parseReference('ghcr.io/me/oomkill:1') // { registry: 'ghcr.io', repository: 'me/oomkill', tag: '1' }
 */
export function parseReference(s: string): Reference {
  const fail = (why: string, hint = HINT): never => {
    throw new OciError('SKEP_REFERENCE_INVALID', `"${printable(s)}" is not an image name: ${why}.`, { hint });
  };
  if (s === '') fail('it is empty');
  if (s.length > 1024) fail('it is longer than 1024 characters');
  let rest = s;
  let digest: string | undefined;
  const at = rest.indexOf('@');
  if (at >= 0) {
    digest = rest.slice(at + 1);
    rest = rest.slice(0, at);
    if (!isDigest(digest)) fail('what follows the @ is not sha256: and 64 lower-case hexadecimal digits');
  }
  let tag: string | undefined;
  const colon = rest.lastIndexOf(':');
  if (colon > rest.lastIndexOf('/') && !/^\[[^\]]*$/.test(rest.slice(0, colon))) {
    tag = rest.slice(colon + 1);
    rest = rest.slice(0, colon);
    if (!TAG.test(tag)) {
      fail('a tag has 1 to 128 letters, digits, "_", "." and "-", and does not begin with "." or "-"');
    }
  }
  let registry: string | undefined;
  const slash = rest.indexOf('/');
  const first = slash < 0 ? '' : rest.slice(0, slash);
  if (/[.:[]/.test(first) || first === 'localhost' || (first !== '' && first !== first.toLowerCase())) {
    const problem = hostProblem(first);
    if (problem !== undefined) fail(problem);
    registry = first;
    rest = rest.slice(slash + 1);
  }
  if (rest === '') fail('the name is missing');
  if (rest.length + (registry?.length ?? -1) + 1 > MAX_NAME)
    fail(`the name is longer than ${MAX_NAME} characters`);
  if (rest !== rest.toLowerCase()) {
    const host = registry === undefined ? '' : `${registry}/`;
    const end = `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
    fail('the name must be lower case', `Write ${printable(host + rest.toLowerCase() + end)}.`);
  }
  if (!REPOSITORY.test(rest)) {
    fail('a name is made of lower-case letters and digits, separated by ".", "_", "__", "-" or "/"');
  }
  const reference: Reference = { repository: rest };
  if (registry !== undefined) reference.registry = registry;
  if (tag !== undefined) reference.tag = tag;
  if (digest !== undefined) reference.digest = digest;
  return reference;
}

/**
 * The registry that somebody means who logs in. Like docker, it takes an address too: what follows the host is left out.
 *
 * @throws OciError SKEP_REFERENCE_INVALID
 */
export function parseRegistry(s: string): string {
  const host = s.replace(/^https?:\/\//, '').replace(/\/.*$/s, '');
  const problem = hostProblem(host);
  if (problem === undefined) return host;
  throw new OciError('SKEP_REFERENCE_INVALID', `"${printable(s)}" is not a registry: ${problem}.`, {
    hint: 'Write HOST or HOST:PORT.',
  });
}

function hostProblem(host: string): string | undefined {
  if (host === '') return 'it is empty';
  if (!REGISTRY.test(host)) return `"${printable(host)}" is not a host name`;
  const port = /:(\d+)$/.exec(host.replace(/^\[.*\]/, ''))?.[1];
  return port !== undefined && (Number(port) < 1 || Number(port) > 65535)
    ? `port ${port} does not exist`
    : undefined;
}

/** Writes a reference back; the inverse of {@link parseReference}. */
export function formatReference(r: Reference): string {
  const name = r.registry === undefined ? r.repository : `${r.registry}/${r.repository}`;
  return name + (r.tag === undefined ? '' : `:${r.tag}`) + (r.digest === undefined ? '' : `@${r.digest}`);
}

/** The reference as it is kept in a store: `:latest` is added when neither tag nor digest is there. */
export function withDefaultTag(r: Reference): Reference {
  return r.tag === undefined && r.digest === undefined ? { ...r, tag: 'latest' } : r;
}

/** Whether the name belongs to no registry: it can be looked up in a store, but not pushed or pulled. */
export function isLocal(r: Reference): boolean {
  return r.registry === undefined;
}
