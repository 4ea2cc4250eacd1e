/** A block of a PEM file: https://www.rfc-editor.org/rfc/rfc7468 */
export interface PemBlock {
  /** `PUBLIC KEY`, `CERTIFICATE`, … */
  label: string;
  bytes: Uint8Array;
}

/** All blocks of a PEM file, in order; what stands between them is passed over. */
export function readPem(text: string): PemBlock[] {
  return [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----\s*([A-Za-z0-9+/=\s]*?)\s*-----END \1-----/g)].map(
    ([, label, body]) => ({ label: label!, bytes: new Uint8Array(Buffer.from(body!, 'base64')) }),
  );
}

/** One block, with lines of 64 characters. */
export function writePem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
