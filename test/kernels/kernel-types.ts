import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dumpVmlinuxHeader } from '@skep/bpf';
import { cacheDir } from './cache.ts';
import { fetchKernel } from './fetch.ts';

const MAGIC = Buffer.from([0x9f, 0xeb, 1, 0, 24, 0, 0, 0]);

/**
 * The BTF in an uncompressed kernel image, which arm64 has: the one blob of that format that is about a kernel's
 * size. The header (linux/btf.h) says how long it is.
 */
export function btfInImage(image: Buffer): Buffer {
  for (let at = image.indexOf(MAGIC); at >= 0; at = image.indexOf(MAGIC, at + 1)) {
    const [typeOffset, typeLength, stringOffset, stringLength] = [8, 12, 16, 20].map((o) =>
      image.readUInt32LE(at + o),
    ) as [number, number, number, number];
    const whole = 24 + stringOffset + stringLength;
    if (typeOffset === 0 && stringOffset === typeLength && whole > 1 << 20 && at + whole <= image.length)
      return image.subarray(at, at + whole);
  }
  throw new Error('this kernel image holds no BTF');
}

/**
 * A folder with the vmlinux.h of an arm64 kernel, for programs compiled here that run there. The newest one's serves
 * all: where a field lies is found out where a program is loaded.
 */
export async function arm64Header(): Promise<string> {
  const { vmlinuz, release } = await fetchKernel('6.12-arm64');
  const dir = join(cacheDir, `vmlinux-${release}`);
  const header = join(dir, 'vmlinux.h');
  if (existsSync(header)) return header;
  mkdirSync(dir, { recursive: true });
  const part = join(dir, randomUUID());
  await writeFile(`${part}.btf`, btfInImage(await readFile(vmlinuz)));
  await writeFile(`${part}.h`, await dumpVmlinuxHeader(`${part}.btf`));
  renameSync(`${part}.btf`, join(dir, 'btf'));
  renameSync(`${part}.h`, header);
  return header;
}
