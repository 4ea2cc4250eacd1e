import type { Hash } from 'node:crypto';

// node:crypto takes 3 ms to load, and looking up a name needs none of it: loaded at the first hash. Not through
// import(), which would also build an ES module facade over all its exports.
const crypto = () => process.getBuiltinModule('node:crypto');

/** `sha256:…` of some bytes. */
export function sha256(data: Uint8Array): string {
  return `sha256:${crypto().hash('sha256', data, 'hex')}`;
}

/** The digest of `data` by the algorithm that `like` uses. */
export function digestLike(like: string, data: Uint8Array): string {
  const algorithm = like.slice(0, like.indexOf(':'));
  return `${algorithm}:${crypto().hash(algorithm, data, 'hex')}`;
}

/** A running digest; `algorithm` is `sha256` or `sha512`. */
export function hasher(algorithm = 'sha256'): { update(chunk: Uint8Array): void; digest(): string } {
  const hash: Hash = crypto().createHash(algorithm);
  return {
    update: (chunk) => {
      hash.update(chunk);
    },
    digest: () => `${algorithm}:${hash.digest('hex')}`,
  };
}

/** A few random hexadecimal digits for names that must not collide; no secret. */
export function randomId(): string {
  let id = '';
  while (id.length < 12) {
    id += Math.floor(Math.random() * 2 ** 24)
      .toString(16)
      .padStart(6, '0');
  }
  return id;
}
