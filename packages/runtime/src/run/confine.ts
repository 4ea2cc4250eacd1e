import { type BpfLink, giveUpPrivileges, runningKernel } from '@skep/bpf';
import { sentence } from './sentence.ts';

/** Since then only loading and making need a right, not reading: what is open may be read. */
const READING_IS_FREE = [5, 19] as const;

/** Names of functions come from /proc/kallsyms, from other users' programs and processes' maps, also where a file's name is gone. */
const FOR_STACKS = ['CAP_SYSLOG', 'CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH', 'CAP_CHECKPOINT_RESTORE'];

/** Containers are named by files that their engine may keep from others. */
const FOR_PLACES = ['CAP_DAC_READ_SEARCH'];

/** Before 6.6 a tc filter is taken away by netlink, perhaps in another network namespace. */
const FOR_UNDOING = ['CAP_NET_ADMIN', 'CAP_SYS_ADMIN'];

/** Gives up what a run that is attached needs no more. Where that cannot be done the run goes on, and says so. */
export function confine(
  links: readonly BpfLink[],
  keep: readonly string[],
  names: { readonly stacks: boolean; readonly places: boolean },
  notes: string[],
): void {
  try {
    giveUpPrivileges(neededCapabilities(links, keep, names));
  } catch (error) {
    notes.push(sentence(error));
  }
}

function neededCapabilities(
  links: readonly BpfLink[],
  keep: readonly string[],
  { stacks, places }: { readonly stacks: boolean; readonly places: boolean },
): string[] {
  const { version } = runningKernel();
  const [major, minor] = READING_IS_FREE;
  const old = version[0] < major || (version[0] === major && version[1] < minor);
  return [
    ...keep,
    ...(old ? ['CAP_BPF'] : []),
    ...(stacks ? FOR_STACKS : []),
    ...(places ? FOR_PLACES : []),
    ...(links.some((l) => l.needsUndoing) ? FOR_UNDOING : []),
  ];
}
