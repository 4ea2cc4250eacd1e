import { readFileSync } from 'node:fs';

/** Bit by bit as in include/uapi/linux/capability.h. */
const names = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE ' +
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN ' +
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE ' +
  'MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
)
  .split(' ')
  .map((n) => `CAP_${n}`);

/** The names of the capabilities in a hexadecimal mask such as `CapEff` of /proc/PID/status. */
export function capabilityNames(mask: string): Set<string> {
  const bits = BigInt(`0x${mask}`);
  return new Set(names.filter((_, i) => (bits >> BigInt(i)) & 1n));
}

/** The number of a capability. @throws RangeError for a name that is none */
export function capabilityBit(name: string): number {
  const bit = names.indexOf(name);
  if (bit < 0) throw new RangeError(`there is no capability ${name}`);
  return bit;
}

/** The effective capabilities of this process, such as `CAP_BPF`, from /proc/self/status. */
export function capabilities(): Set<string> {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return mask ? capabilityNames(mask[1]!) : new Set();
}
