import { isObject } from '../manifest.ts';

/** A signed payload: https://github.com/secure-systems-lab/dsse/blob/master/envelope.md */
export interface Envelope {
  payloadType: string;
  payload: Uint8Array;
  signatures: Uint8Array[];
}

/** The media type of an envelope alone: what cosign keeps under the tag `sha256-….att`. */
export const ENVELOPE_TYPE = 'application/vnd.dsse.envelope.v1+json';

/** Reads an envelope from its JSON; undefined for what is none. */
export function readEnvelope(json: unknown): Envelope | undefined {
  if (!isObject(json) || !Array.isArray(json.signatures)) return undefined;
  if (typeof json.payload !== 'string' || typeof json.payloadType !== 'string') return undefined;
  const signatures = json.signatures.flatMap((s: unknown) =>
    isObject(s) && typeof s.sig === 'string' ? [Buffer.from(s.sig, 'base64')] : [],
  );
  return { payloadType: json.payloadType, payload: Buffer.from(json.payload, 'base64'), signatures };
}

/** What is signed of an envelope: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = Buffer.from(payloadType);
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${type.length} `),
    type,
    Buffer.from(` ${payload.length} `),
    payload,
  ]);
}
