/** What a template prints: plain data with Go-like names ("Reference", "Size"). */
export type Data =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | Date
  | Data[]
  | { [name: string]: Data };

/** JSON with 64-bit integers as plain digits. */
export function toJson(value: Data, indent = 0): string {
  return (
    JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? rawNumber(v) : v), indent) ?? 'null'
  );
}

function rawNumber(v: bigint): unknown {
  // JSON.rawJSON came with Node 22 (V8 11.4); the DOM-free typings do not know it yet.
  const raw = (JSON as unknown as { rawJSON?: (text: string) => unknown }).rawJSON;
  return raw ? raw(String(v)) : Number(v);
}

/** Plain data with names. */
export function isRecord(value: Data): value is { [name: string]: Data } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
