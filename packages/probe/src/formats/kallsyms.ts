import { readFileSync } from 'node:fs';

/** The kernel's function addresses in order, and their names. */
export interface SymbolTable {
  addresses: BigUint64Array;
  names: string[];
}

let kernel: SymbolTable | undefined;

/** The text of /proc/kallsyms as a table that can be searched: functions only, addresses that the kernel shows. */
export function parseKallsyms(text: string): SymbolTable {
  const rows: [bigint, string][] = [];
  for (const [, address, name, module] of text.matchAll(/^([0-9a-f]+) [tTwW] (\S+)(?:\s+(\[\S+\]))?$/gm)) {
    const at = BigInt(`0x${address}`);
    if (at !== 0n) rows.push([at, module ? `${name} ${module}` : name!]);
  }
  rows.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
  return { addresses: BigUint64Array.from(rows, (r) => r[0]), names: rows.map((r) => r[1]) };
}

/** `do_sys_openat2+0x12` for an address, or the address in hexadecimal when no symbol is below it. */
export function symbolText(table: SymbolTable, address: bigint): string {
  let low = 0;
  let high = table.addresses.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (table.addresses[middle]! <= address) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return `0x${address.toString(16)}`;
  return `${table.names[low - 1]}+0x${(address - table.addresses[low - 1]!).toString(16)}`;
}

/** As {@link symbolText}, with the running kernel's symbols; read once. Not root: the kernel hides addresses. */
export function kernelSymbolText(address: bigint): string {
  kernel ??= readKernel();
  return symbolText(kernel, address);
}

function readKernel(): SymbolTable {
  try {
    return parseKallsyms(readFileSync('/proc/kallsyms', 'latin1'));
  } catch {
    // No /proc, or it is masked: addresses stay numbers.
    return { addresses: new BigUint64Array(0), names: [] };
  }
}
