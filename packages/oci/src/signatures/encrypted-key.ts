import { OciError } from '../errors.ts';
import { isObject } from '../manifest.ts';

const crypto = () => process.getBuiltinModule('node:crypto');

// XSalsa20 and Poly1305, which Node's crypto lacks. Loaded only for a key with a password.
const secretbox = async () => (await import('tweetnacl')).default.secretbox;

/** What cosign writes: https://github.com/secure-systems-lab/go-securesystemslib/blob/main/encrypted/encrypted.go */
const SCRYPT = { N: 65_536, r: 8, p: 1 };
const SALT_BYTES = 32;
const NONCE_BYTES = 24;
const KEY_BYTES = 32;
/** A file may not make us take gigabytes: 128·N·r bytes, at four times the largest that cosign has written. */
const MAX_SCRYPT_BYTES = 1024 * 1024 * 1024;

/** The labels of the PEM block; cosign 1 wrote the second. */
export const ENCRYPTED_LABELS = ['ENCRYPTED SIGSTORE PRIVATE KEY', 'ENCRYPTED COSIGN PRIVATE KEY'] as const;

/** A private key under a password, as JSON: scrypt makes the key, NaCl's secretbox the rest. */
export async function encryptKey(der: Uint8Array, password: string): Promise<Uint8Array> {
  const salt = crypto().randomBytes(SALT_BYTES);
  const nonce = crypto().randomBytes(NONCE_BYTES);
  const key = await scrypt(password, salt, SCRYPT);
  const box = await secretbox();
  const envelope = {
    kdf: { name: 'scrypt', params: SCRYPT, salt: salt.toString('base64') },
    cipher: { name: 'nacl/secretbox', nonce: nonce.toString('base64') },
    ciphertext: Buffer.from(box(der, nonce, key)).toString('base64'),
  };
  return Buffer.from(JSON.stringify(envelope));
}

/**
 * The inverse of {@link encryptKey}.
 *
 * @param file how messages call it
 * @returns PKCS#8 in DER
 * @throws OciError SKEP_KEY for a wrong password, and for an envelope of another kind
 */
export async function decryptKey(envelope: Uint8Array, password: string, file: string): Promise<Uint8Array> {
  const { params, salt, nonce, ciphertext } = readEnvelope(envelope, file);
  const box = await secretbox();
  const opened = box.open(ciphertext, nonce, await scrypt(password, salt, params));
  if (opened) return opened;
  throw new OciError('SKEP_KEY', `The password does not open ${file}.`, {
    hint: 'Set COSIGN_PASSWORD to the one it was made with, or type it when asked.',
  });
}

interface Envelope {
  params: typeof SCRYPT;
  salt: Uint8Array;
  nonce: Uint8Array;
  ciphertext: Uint8Array;
}

function readEnvelope(bytes: Uint8Array, file: string): Envelope {
  const fail = (why: string, cause?: unknown): never => {
    throw new OciError('SKEP_KEY', `${file} is not a key as cosign writes it: ${why}.`, {
      hint: 'skep sign --generate-key-pair and cosign generate-key-pair make one.',
      cause,
    });
  };
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (e) {
    return fail('what it holds is not JSON', e);
  }
  const { kdf, cipher, ciphertext } = isObject(json) ? json : {};
  if (!isObject(kdf) || !isObject(cipher) || !isObject(kdf.params)) return fail('kdf or cipher is missing');
  if (kdf.name !== 'scrypt') fail('its key does not come from scrypt');
  if (cipher.name !== 'nacl/secretbox') fail('its cipher is not nacl/secretbox');
  const { N, r, p } = kdf.params;
  const whole = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) > 0;
  if (!whole(N) || !whole(r) || !whole(p) || N < 2 || (N & (N - 1)) !== 0)
    return fail('the numbers of scrypt are wrong');
  if (128 * N * r > MAX_SCRYPT_BYTES || p > 16) fail('scrypt would take too much memory');
  const nonce = bytesOf(cipher.nonce);
  if (nonce.length !== NONCE_BYTES) fail('the nonce has the wrong length');
  return { params: { N, r, p }, salt: bytesOf(kdf.salt), nonce, ciphertext: bytesOf(ciphertext) };
}

function bytesOf(text: unknown): Uint8Array {
  return new Uint8Array(typeof text === 'string' ? Buffer.from(text, 'base64') : []);
}

function scrypt(password: string, salt: Uint8Array, params: typeof SCRYPT): Promise<Uint8Array> {
  const maxmem = 256 * params.N * params.r;
  return new Promise((resolve, reject) => {
    crypto().scrypt(password, salt, KEY_BYTES, { ...params, maxmem }, (e, key) =>
      e ? reject(e) : resolve(new Uint8Array(key)),
    );
  });
}
