/** Why a probe's test can't run here, or false: BPF and cgroups need root. */
export const skip: string | false = process.getuid?.() === 0 ? false : 'loads BPF: needs root';
