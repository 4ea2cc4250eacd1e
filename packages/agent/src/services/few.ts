/** The first of a list, as a row of a table has room for; `…` says that there are more. */
export function few(all: readonly string[], most: number, between: string): string {
  return all.length > most ? [...all.slice(0, most), '…'].join(between) : all.join(between);
}
