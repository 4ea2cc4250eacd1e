// A Sigstore of our own, made of @sigstore/mock's authority and logs: certificates, a certificate log, a transparency log.
// It stands in for the public one, which cannot be reached and would not give out certificates for made-up names.
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { initializeCA, initializeCTLog, initializeTLog } from '@sigstore/mock';

const ISSUER = '1.3.6.1.4.1.57264.1.8';
const STATEMENT_TYPE = 'application/vnd.in-toto+json';

export interface MockSigstore {
  /** What `--trusted-root` names. */
  root: string;
  /** A bundle as cosign makes it: a certificate of minutes, and an entry in the log. */
  sign(statement: Uint8Array, identity: string, issuer: string, change?: Changes): Promise<Uint8Array>;
}

/** What goes wrong. */
export interface Changes {
  /** When the log saw it; now, unless said. */
  logged?: Date;
  /** Of another key than the certificate's. */
  key?: KeyObject;
}

/** What the log answers, as far as it is used. */
interface LogEntry {
  body: string;
  integratedTime: number;
  logID: string;
  logIndex: number;
  verification: {
    inclusionProof: { logIndex: number; rootHash: string; treeSize: number; checkpoint: string };
    signedEntryTimestamp: string;
  };
}

/** Starts one: its keys are new each time. */
export async function mockSigstore(): Promise<MockSigstore> {
  const pair = (namedCurve = 'P-256') => generateKeyPairSync('ec', { namedCurve });
  const keys = { ca: pair('P-384'), ct: pair(), log: pair() };
  const ctLog = await initializeCTLog(keys.ct);
  const ca = await initializeCA(keys.ca, ctLog);
  // From a moment before everything that is signed.
  const validFor = { start: new Date(Date.now() - 60_000).toISOString() };
  const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'der' });
  const log = (key: KeyObject, baseUrl: string) => ({
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes: base64(spki(key)), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
    logId: { keyId: createHash('sha256').update(spki(key)).digest('base64') },
  });
  const root = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [log(keys.log.publicKey, 'https://rekor.example')],
    certificateAuthorities: [
      {
        subject: { organization: 'sigstore.mock', commonName: 'sigstore' },
        uri: 'https://fulcio.example',
        certChain: { certificates: [{ rawBytes: base64(bytesOf(ca.rootCertificate)) }] },
        validFor,
      },
    ],
    ctlogs: [log(keys.ct.publicKey, 'https://ct.example')],
    timestampAuthorities: [],
  };
  return {
    root: JSON.stringify(root),
    async sign(payload, identity, issuer, { logged, key } = {}) {
      const mine = pair();
      const certificate = bytesOf(
        await ca.issueCertificate({
          publicKey: new Uint8Array(spki(mine.publicKey)),
          subjectAltName: identity,
          extensions: [{ oid: ISSUER, value: issuer }],
        }),
      );
      const signature = sign('sha256', preAuthEncoding(payload), key ?? mine.privateKey);
      const envelope = {
        payload: base64(payload),
        payloadType: STATEMENT_TYPE,
        signatures: [{ sig: base64(signature) }],
      };
      const tlog = await initializeTLog('https://rekor.example', keys.log, logged);
      const hash = (data: Uint8Array | string) => ({
        algorithm: 'sha256',
        value: createHash('sha256').update(data).digest('hex'),
      });
      const [entry] = Object.values<LogEntry>(
        await tlog.log({
          apiVersion: '0.0.1',
          kind: 'dsse',
          spec: {
            envelopeHash: hash(JSON.stringify(envelope)),
            payloadHash: hash(payload),
            signatures: [
              {
                signature: base64(signature),
                verifier: base64(Buffer.from(pem(certificate))),
              },
            ],
          },
        }),
      );
      const { body, integratedTime, logID, logIndex, verification } = entry!;
      const { inclusionProof, signedEntryTimestamp } = verification;
      return Buffer.from(
        JSON.stringify({
          mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
          verificationMaterial: {
            certificate: { rawBytes: base64(certificate) },
            tlogEntries: [
              {
                logIndex: String(logIndex),
                logId: { keyId: Buffer.from(logID, 'hex').toString('base64') },
                kindVersion: { kind: 'dsse', version: '0.0.1' },
                integratedTime: String(integratedTime),
                inclusionPromise: { signedEntryTimestamp },
                inclusionProof: {
                  logIndex: String(inclusionProof.logIndex),
                  rootHash: Buffer.from(inclusionProof.rootHash, 'hex').toString('base64'),
                  treeSize: String(inclusionProof.treeSize),
                  hashes: [],
                  checkpoint: { envelope: inclusionProof.checkpoint },
                },
                canonicalizedBody: body,
              },
            ],
          },
          dsseEnvelope: envelope,
        }),
      );
    },
  };
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** https://github.com/secure-systems-lab/dsse/blob/master/protocol.md */
function preAuthEncoding(payload: Uint8Array): Uint8Array {
  const head = `DSSEv1 ${STATEMENT_TYPE.length} ${STATEMENT_TYPE} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

function pem(certificate: Uint8Array): string {
  const lines = base64(certificate).match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
