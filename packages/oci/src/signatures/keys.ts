import type { KeyObject } from 'node:crypto';
import { OciError } from '../errors.ts';
import { decryptKey, ENCRYPTED_LABELS, encryptKey } from './encrypted-key.ts';
import { readPem, writePem } from './pem.ts';

const crypto = () => process.getBuiltinModule('node:crypto');

/** A key that signatures are checked with. */
export interface PublicKey {
  /** Where it comes from: a file's name, or what a policy calls it. */
  readonly name: string;
  readonly key: KeyObject;
  /** Base64 of the SHA-256 of its DER form: what a bundle calls it by. */
  readonly hint: string;
}

/** A key that signs, and the public half of it. */
export interface PrivateKey {
  readonly key: KeyObject;
  readonly publicKey: PublicKey;
}

/**
 * Reads a public key in PEM (`PUBLIC KEY`).
 *
 * @param name how messages call it
 * @throws OciError SKEP_KEY
 */
export function readPublicKey(pem: string, name: string): PublicKey {
  const block = readPem(pem).find((b) => b.label === 'PUBLIC KEY');
  if (!block) {
    const isPrivate = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem);
    throw new OciError('SKEP_KEY', `${name} ${isPrivate ? 'is a private key' : 'holds no public key'}.`, {
      hint: 'Name the file that begins with -----BEGIN PUBLIC KEY-----, as cosign.pub does.',
    });
  }
  let key: KeyObject;
  try {
    key = crypto().createPublicKey({ key: Buffer.from(block.bytes), format: 'der', type: 'spki' });
  } catch (cause) {
    throw damaged(name, cause);
  }
  return publicKey(key, name);
}

/**
 * Reads a private key: as cosign writes it (with a password), or PKCS#8, SEC 1 or PKCS#1 in PEM.
 *
 * @param password asked for only when the key has one
 * @throws OciError SKEP_KEY
 */
export async function readPrivateKey(
  pem: string,
  name: string,
  password: () => Promise<string>,
): Promise<PrivateKey> {
  const block = readPem(pem).find((b) => b.label.endsWith('PRIVATE KEY'));
  if (!block) {
    // The password of before PKCS#8, as openssl rsa -aes256 writes it, is said in headers: https://www.rfc-editor.org/rfc/rfc1421
    if (/^-----BEGIN [A-Z ]*PRIVATE KEY-----\s+Proc-Type: 4,ENCRYPTED/m.test(pem)) {
      const passphrase = await password();
      return withPublicHalf(
        parsed(name, () => crypto().createPrivateKey({ key: pem, passphrase })),
        name,
      );
    }
    throw new OciError('SKEP_KEY', `${name} holds no private key.`, {
      hint: 'Name a file as cosign.key, or one in PEM that begins with -----BEGIN PRIVATE KEY-----.',
    });
  }
  const bySigstore = (ENCRYPTED_LABELS as readonly string[]).includes(block.label);
  const needsPassword = bySigstore || block.label === 'ENCRYPTED PRIVATE KEY';
  const passphrase = needsPassword ? await password() : undefined;
  let key: KeyObject;
  if (bySigstore) {
    const der = await decryptKey(block.bytes, passphrase ?? '', name);
    key = parsed(name, () =>
      crypto().createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' }),
    );
  } else {
    key = parsed(name, () =>
      crypto().createPrivateKey({ key: writePem(block.label, block.bytes), passphrase }),
    );
  }
  return withPublicHalf(key, name);
}

function withPublicHalf(key: KeyObject, name: string): PrivateKey {
  return { key, publicKey: publicKey(crypto().createPublicKey(key), name) };
}

/** A new key pair on the curve P-256: what `cosign generate-key-pair` writes to cosign.key and cosign.pub. */
export async function generateKeyPair(password: string): Promise<{ privateKey: string; publicKey: string }> {
  const pair = crypto().generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const der = pair.privateKey.export({ format: 'der', type: 'pkcs8' });
  return {
    privateKey: writePem(ENCRYPTED_LABELS[0], await encryptKey(new Uint8Array(der), password)),
    publicKey: writePem('PUBLIC KEY', pair.publicKey.export({ format: 'der', type: 'spki' })),
  };
}

/** Signs: ECDSA and RSA over SHA-256, which `cosign verify` takes of any key, Ed25519 over the data itself. */
export function signBytes({ key }: PrivateKey, data: Uint8Array): Uint8Array {
  return crypto().sign(hashesFor(key)[0], data, key);
}

/** Whether a signature is this key's over these bytes. */
export function isSignedBy({ key }: PublicKey, data: Uint8Array, signature: Uint8Array): boolean {
  return hashesFor(key).some((hash) => crypto().verify(hash, data, key, signature));
}

/**
 * `cosign sign` and key services hash as the curve would have it (SHA-384 on P-384, SHA-512 on P-521), and no signature says
 * how; `cosign verify` must be told by --signature-digest-algorithm.
 */
function hashesFor(key: KeyObject): readonly ['sha256' | null, ...string[]] {
  return key.asymmetricKeyType === 'ed25519' ? [null] : ['sha256', 'sha384', 'sha512'];
}

/** What cosign takes, as OpenSSL calls them: P-256, P-384, P-521. */
const CURVES = ['prime256v1', 'secp384r1', 'secp521r1'];

function publicKey(key: KeyObject, name: string): PublicKey {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const fits =
    type === 'ed25519' || type === 'rsa' || (type === 'ec' && CURVES.includes(details?.namedCurve ?? ''));
  if (!fits || (type === 'rsa' && (details?.modulusLength ?? 0) < 2048)) {
    const what = [type, details?.namedCurve, details?.modulusLength].filter(Boolean).join(' ');
    throw new OciError('SKEP_KEY', `${name} is a key of a kind that is not used here (${what}).`, {
      hint: 'Use a key on P-256, P-384 or P-521, Ed25519, or RSA with 2048 bits or more.',
    });
  }
  const der = key.export({ format: 'der', type: 'spki' });
  return { name, key, hint: crypto().hash('sha256', der, 'base64') };
}

function parsed(name: string, parse: () => KeyObject): KeyObject {
  try {
    return parse();
  } catch (cause) {
    throw damaged(name, cause);
  }
}

function damaged(name: string, cause: unknown): OciError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (/BAD_DECRYPT|PASSPHRASE/.test(code)) {
    return new OciError('SKEP_KEY', `The password does not open ${name}.`, {
      hint: 'Set COSIGN_PASSWORD to the right one, or type it when asked.',
      cause,
    });
  }
  return new OciError('SKEP_KEY', `The key in ${name} cannot be read.`, {
    hint: 'It must be whole, in PEM. skep sign --generate-key-pair makes a new one.',
    cause,
  });
}
