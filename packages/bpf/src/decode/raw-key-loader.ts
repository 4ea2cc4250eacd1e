import type { KeyLayout } from './key-layout.ts';
import { plus, Source } from './source.ts';

/** Reads a record's key into words and returns their hash. */
export interface KeyLoader {
  readonly words: number;
  load(u8: Uint8Array, dv: DataView, offset: number, into: Int32Array): number;
}

/** Generates the reads of one layout: four bytes at a time, bits outside of the key cleared. */
export function compileKeyLoader(layout: KeyLayout): KeyLoader {
  const { size, strings } = layout;
  const mask = layout.mask.slice();
  for (const s of strings) mask.fill(0, s.offset, s.offset + s.size);
  const src = new Source();
  let words = 0;
  let code = 'let h=0,w=0,z=0,open=true;';
  const store = () => `t[${words++}]=w;h=Math.imul(h^w,0x9e3779b1);h^=h>>>15;`;
  for (let at = 0; at < size; at += 4) {
    const bits = word(mask, at);
    if (bits === 0) continue;
    code += `w=${read(at, Math.min(4, size - at))}${bits === -1 ? '' : `&${bits}`};${store()}`;
  }
  for (const s of strings) {
    code += 'open=true;';
    for (let at = s.offset; at < s.offset + s.size; at += 4) {
      // The lowest zero byte of w, found without looking at each (Hacker's Delight, 6-1); bytes from it on are cleared.
      const upToNul = 'z=(w-0x01010101)&~w&0x80808080;if(z!==0){w&=((z&-z)>>>7)-1;open=false;}';
      code += `w=0;if(open){w=${read(at, Math.min(4, s.offset + s.size - at))};${upToNul}}${store()}`;
    }
  }
  const load = src.compile<KeyLoader['load']>('u8,dv,o,t', `${code}return h;`);
  return { words, load };
}

/** The mask's four bytes at `at` as a signed word; bytes after its end are 0. */
function word(mask: Uint8Array, at: number): number {
  return (
    (mask[at] ?? 0) | ((mask[at + 1] ?? 0) << 8) | ((mask[at + 2] ?? 0) << 16) | ((mask[at + 3] ?? 0) << 24)
  );
}

function read(at: number, bytes: number): string {
  const o = plus('o', at);
  if (bytes === 4) return `dv.getInt32(${o},true)`;
  const parts = [`u8[${o}]`, `u8[${o}+1]<<8`, `u8[${o}+2]<<16`];
  return `(${parts.slice(0, bytes).join('|')})`;
}
