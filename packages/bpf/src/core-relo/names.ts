/**
 * A name without its flavour: `task_struct___old` stands for the kernel's `task_struct`. The last run of exactly
 * three underscores divides, unless it begins or ends the name.
 */
export function essentialName(name: string): string {
  for (let i = name.length - 5; i >= 0; i--) if (divides(name, i)) return name.slice(0, i + 1);
  return name;
}

function divides(name: string, at: number): boolean {
  return name[at] !== '_' && name.startsWith('___', at + 1) && name[at + 4] !== '_';
}
