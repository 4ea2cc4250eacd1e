import type { Host } from '../host/host.ts';
import { formatIpv6 } from './address.ts';

const LONGEST = 512 * 1024;
const MOST = 4_096;

/**
 * The addresses that a process's network namespace calls its own, from its routing table (fib_trie) and IPv6 list: no
 * netlink, no setns. Loopback is left out: everyone has it.
 */
export function readLocalAddresses(host: Host, pid: number): ReadonlySet<string> {
  const found = new Set<string>();
  let last = '';
  for (const line of (host.procText(pid, 'net/fib_trie', LONGEST) ?? '').split('\n')) {
    const leaf = /\|-- (\d+\.\d+\.\d+\.\d+)/.exec(line)?.[1];
    if (leaf !== undefined) last = leaf;
    else if (line.includes('/32 host LOCAL') && !last.startsWith('127.')) found.add(last);
    if (found.size >= MOST) break;
  }
  for (const line of (host.procText(pid, 'net/if_inet6', LONGEST) ?? '').split('\n')) {
    const bytes = Buffer.from(line.slice(0, 32), 'hex');
    if (bytes.length !== 16 || found.size >= MOST) continue;
    const address = formatIpv6(bytes);
    if (address !== '::1') found.add(address);
  }
  return found;
}
