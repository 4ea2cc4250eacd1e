/** One row of the table as a picture: a bar for each tool to its median, a line from least to most. Plain SVG. */
import { figures, type Spread } from './statistics.ts';

const WIDTH = 780;
const LEFT = 170;
const RIGHT = 240;
const BAR = 22;
const GAP = 12;

/** What a picture is of. */
export interface Subject {
  readonly title: string;
  readonly unit: string;
  readonly target?: string;
}

export function barChart(
  { title, unit, target }: Subject,
  results: Readonly<Record<string, Spread>>,
  footer: string,
): string {
  const rows = Object.entries(results);
  const most = Math.max(...rows.map(([, s]) => s.most), 1e-9);
  const least = Math.min(...rows.map(([, s]) => Math.max(s.least, most / 1e6)));
  const decades =
    most / least > 50 ? { from: Math.floor(Math.log10(least)) - 0.3, to: Math.log10(most) } : undefined;
  const room = WIDTH - LEFT - RIGHT;
  const x = (value: number): number => {
    const part = decades
      ? (Math.log10(Math.max(value, 10 ** decades.from)) - decades.from) / (decades.to - decades.from)
      : value / most;
    return LEFT + Math.max(0, part) * room;
  };
  const height = 62 + rows.length * (BAR + GAP) + 44;
  const bars = rows.map(([name, s], i) => {
    const y = 62 + i * (BAR + GAP);
    const middle = y + BAR / 2;
    const color = /^(\w+: )?skep/.test(name) ? '#d58a00' : '#8a97a6';
    return [
      `<text x="${LEFT - 10}" y="${middle + 5}" text-anchor="end">${markup(name)}</text>`,
      `<rect x="${LEFT}" y="${y}" width="${Math.max(1, x(s.median) - LEFT).toFixed(1)}" height="${BAR}" fill="${color}"/>`,
      `<path d="M${x(s.least).toFixed(1)} ${middle}H${x(s.most).toFixed(1)}" stroke="#222" stroke-width="1.5"/>`,
      `<text x="${(x(s.most) + 8).toFixed(1)}" y="${middle + 5}">${figures(s.median)}` +
        `<tspan fill="#666"> (${figures(s.least)} to ${figures(s.most)})</tspan></text>`,
    ].join('\n');
  });
  const scale = decades ? `${unit}, logarithmic` : unit;
  return frame(height, title, target ? `${scale}; to reach: ${target}` : scale, bars.join('\n'), footer);
}

/** A value over time, for what must be flat. */
export function lineChart(
  title: string,
  unit: string,
  points: readonly (readonly [number, number])[],
  footer: string,
): string {
  const [top, bottom, height] = [70, 270, 330];
  const lastX = Math.max(...points.map(([t]) => t), 1);
  const mostY = Math.max(...points.map(([, v]) => v), 1) * 1.15;
  const x = (t: number): number => 60 + (t / lastX) * (WIDTH - 100);
  const y = (v: number): number => bottom - (v / mostY) * (bottom - top);
  const steps = [0, 0.25, 0.5, 0.75, 1].map((part) => part * mostY);
  const grid = steps.map(
    (v) =>
      `<path d="M60 ${y(v).toFixed(1)}H${WIDTH - 40}" stroke="#ddd"/>` +
      `<text x="52" y="${(y(v) + 5).toFixed(1)}" text-anchor="end">${figures(v)}</text>`,
  );
  const path = points.map(([t, v], i) => `${i ? 'L' : 'M'}${x(t).toFixed(1)} ${y(v).toFixed(1)}`).join('');
  const axis = `<text x="${WIDTH - 40}" y="${bottom + 20}" text-anchor="end">${figures(lastX)} s</text>`;
  const body = `${grid.join('\n')}\n<path d="${path}" fill="none" stroke="#d58a00" stroke-width="2"/>\n${axis}`;
  return frame(height, title, unit, body, footer);
}

function frame(height: number, title: string, subtitle: string, body: string, footer: string): string {
  return `<svg role="img" aria-label="${markup(title)}" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="13">
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="16" y="26" font-size="16" font-weight="bold">${markup(title)}</text>
<text x="16" y="46" fill="#666">${markup(subtitle)}</text>
${body}
<text x="16" y="${height - 14}" fill="#666" font-size="11">${markup(footer)}</text>
</svg>
`;
}

function markup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
