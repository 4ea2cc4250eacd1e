/** Kernels on which a feature is missing though its version brought it, and why. */
export interface Exception {
  /** `GROUP/NAME` of a feature, see packages/bpf/src/features/features.ts. */
  feature: string;
  /** Names in table.ts, or `own`, the kernel that the tests themselves run on. */
  kernels: RegExp;
  reason: string;
}

const lockdown = 'the kernel of our test machines is locked down and refuses BPF trampolines';
const noKprobes = 'the kernel of our test machines has no kprobes';

/** A feature that every kernel lacks would be one that no kernel of the matrix exercises; features.test.ts counts. */
export const exceptions: readonly Exception[] = [
  {
    feature: 'Program types/lirc_mode2',
    kernels: /./,
    reason: 'infrared receivers: not in kernels for clouds',
  },
  { feature: 'Hooks/kprobe', kernels: /^own$/, reason: noKprobes },
  { feature: 'Hooks/kprobe.multi', kernels: /^own$/, reason: noKprobes },
  { feature: 'Abilities/kprobe.session', kernels: /^own$/, reason: noKprobes },
  { feature: 'Hooks/kprobe.multi', kernels: /^6\.1$/, reason: 'CONFIG_FPROBE is off in Debian 12’s 6.1' },
  { feature: 'Hooks/lsm', kernels: /^5\.10$/, reason: 'Debian 11 leaves bpf out of CONFIG_LSM' },
  { feature: 'Hooks/fentry', kernels: /^own$/, reason: lockdown },
  { feature: 'Hooks/fexit', kernels: /^own$/, reason: lockdown },
  { feature: 'Hooks/lsm', kernels: /^own$/, reason: lockdown },
  { feature: 'Program types/ext', kernels: /^own$/, reason: lockdown },
  { feature: 'Program types/lsm', kernels: /^own$/, reason: lockdown },
  { feature: 'Abilities/sleepable lsm programs', kernels: /^own$/, reason: lockdown },
  { feature: 'Abilities/netkit', kernels: /^own$/, reason: 'CONFIG_NETKIT is off on our test machines' },
];

/** Features that no kernel of the matrix can exercise, and why that is accepted. */
export const unexercised: Readonly<Record<string, string>> = {
  'Program types/lirc_mode2': 'needs CONFIG_BPF_LIRC_MODE2, which no kernel for clouds or servers has',
};

/** Why a feature may be missing on a kernel; undefined when it may not. */
export function excused(feature: string, kernel: string): string | undefined {
  return exceptions.find((e) => e.feature === feature && e.kernels.test(kernel))?.reason;
}
