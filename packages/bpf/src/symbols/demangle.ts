/** Placeholder until the next commit. */
export function demangle(name: string): string {
  return name;
}
