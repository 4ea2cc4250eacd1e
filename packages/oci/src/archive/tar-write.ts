// POSIX tar as every tool reads it: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
const BLOCK = 512;
const MAX_OCTAL_SIZE = 8 ** 11 - 1;

/** What a header may say beside a name and a size. */
export interface TarHeaderOptions {
  /** Permissions; 0o644 without. */
  mode?: number;
  /** The type letter: `0` a file (without), `5` a folder. */
  type?: '0' | '5';
}

/** The header of a file in a tar archive, owned by root and from 1970: an archive depends on its content alone. */
export function tarHeader(name: string, size: number, opts: TarHeaderOptions = {}): Buffer {
  const { mode = 0o644, type = '0' } = opts;
  const pax: [string, string][] = [];
  if (Buffer.byteLength(name) > 100) pax.push(['path', name]);
  if (size > MAX_OCTAL_SIZE) pax.push(['size', String(size)]);
  const plain = header(name, Math.min(size, MAX_OCTAL_SIZE), type, mode);
  if (pax.length === 0) return plain;
  const body = Buffer.from(pax.map(([key, value]) => paxRecord(key, value)).join(''));
  return Buffer.concat([
    header('././@PaxHeader', body.length, 'x', 0o644),
    body,
    tarPadding(body.length),
    plain,
  ]);
}

/** What fills the last block of a file. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** The end of an archive. */
export function tarEnd(): Buffer {
  return Buffer.alloc(2 * BLOCK);
}

/** `LENGTH KEY=VALUE\n`, the length counting itself. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(rest);
  length += String(length + String(length).length).length;
  return `${length}${rest}`;
}

function header(name: string, size: number, type: string, mode: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0, 100);
  block.write(`${mode.toString(8).padStart(7, '0')}\0`, 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  block.write('00000000000\0', 136);
  block.write('        ', 148);
  block.write(type, 156);
  block.write('ustar\0' + '00', 257);
  const sum = block.reduce((a, b) => a + b, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
