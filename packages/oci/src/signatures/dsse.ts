/** A signed payload: https://github.com/secure-systems-lab/dsse/blob/master/envelope.md */
export interface Envelope {
  payloadType: string;
  payload: Uint8Array;
  signatures: Uint8Array[];
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
