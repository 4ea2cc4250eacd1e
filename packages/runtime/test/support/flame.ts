/** A box of a picture, as its text has it. */
export interface DrawnBox {
  readonly name: string;
  readonly kind: string;
  readonly value: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly title: string;
  readonly label: string;
}

const BOX =
  /<g data-n="([^"]*)" data-k="(\w+)" data-v="([\d.]+)"><title>([^<]*)<\/title><rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"[^>]*\/><text[^>]*>([^<]*)<\/text><\/g>/g;

/** The boxes of a flame graph, outermost first. */
export function boxesOf(svg: string): DrawnBox[] {
  return [...svg.matchAll(BOX)].map(([, name, kind, value, title, x, y, width, label]) => ({
    name: plain(name!),
    kind: kind!,
    value: Number(value),
    x: Number(x),
    y: Number(y),
    width: Number(width),
    title: plain(title!),
    label: plain(label!),
  }));
}

function plain(text: string): string {
  return text.replace(
    /&(amp|lt|gt|quot);/g,
    (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"' })[name]!,
  );
}
