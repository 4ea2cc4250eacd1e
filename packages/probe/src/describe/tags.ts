/** What the `btf_decl_tag`s of skep.h say about a map, a parameter, a program or a struct's member. */
export interface Tags {
  help?: string;
  unit?: string;
  /** Flags: `label`, `value`, `private`, `shared`, `optional`. */
  flags: ReadonlySet<string>;
}

/** Reads declaration tags; those that are not skep's are left out. */
export function readTags(tags: readonly string[]): Tags {
  const out: { help?: string; unit?: string; flags: Set<string> } = { flags: new Set() };
  for (const tag of tags) {
    if (!tag.startsWith('skep:')) continue;
    const [name, ...rest] = tag.slice('skep:'.length).split('=');
    const value = rest.join('=');
    if (name === 'help') out.help = value;
    else if (name === 'unit') out.unit = value;
    else if (name) out.flags.add(name);
  }
  return out;
}
