/** Several values over time, as a dashboard shows them. Plain SVG. */
import { figures } from '../../lib/statistics.ts';

interface Drawn {
  readonly legend: string;
  readonly points: readonly (readonly [number, number])[];
}

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [780, 320, 84, 20, 62, 262];
const COLORS = ['#d58a00', '#2f6fa7', '#4c9a52', '#a03f5e', '#6b5b95', '#7a7a7a', '#2aa198', '#b8541a'];

/** Grafana's units as people read them, and what a value is multiplied with. */
const UNITS: Record<string, readonly [string, number]> = {
  reqps: ['requests a second', 1],
  s: ['ms', 1000],
  percentunit: ['% of a core', 100],
  bytes: ['MiB', 1 / 2 ** 20],
  short: ['', 1],
};

export function lines(title: string, unit: string, drawn: readonly Drawn[]): string {
  const [name, factor] = UNITS[unit] ?? [unit, 1];
  const times = drawn.flatMap(({ points }) => points.map(([t]) => t));
  const values = drawn.flatMap(({ points }) => points.map(([, v]) => v * factor)).filter(Number.isFinite);
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const most = Math.max(...values, 1e-9) * 1.1;
  const x = (t: number): number => LEFT + ((t - from) / (to - from || 1)) * (WIDTH - LEFT - RIGHT);
  const y = (v: number): number => BOTTOM - (v / most) * (BOTTOM - TOP);
  const grid = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const at = y(part * most).toFixed(1);
    return (
      `<path d="M${LEFT} ${at}H${WIDTH - RIGHT}" stroke="#ddd"/>` +
      `<text x="${LEFT - 8}" y="${Number(at) + 4}" text-anchor="end">${figures(part * most)}</text>`
    );
  });
  const paths = drawn.map(({ points }, i) => {
    const path = points
      .filter(([, v]) => Number.isFinite(v))
      .map(([t, v], n) => `${n ? 'L' : 'M'}${x(t).toFixed(1)} ${y(v * factor).toFixed(1)}`);
    return `<path d="${path.join('')}" fill="none" stroke="${COLORS[i % COLORS.length]}" stroke-width="2"/>`;
  });
  const keys = drawn.map(({ legend }, i) => {
    const at = LEFT + (i % 4) * 170;
    const row = BOTTOM + 24 + Math.floor(i / 4) * 18;
    return (
      `<path d="M${at} ${row - 4}h16" stroke="${COLORS[i % COLORS.length]}" stroke-width="3"/>` +
      `<text x="${at + 22}" y="${row}">${markup(legend)}</text>`
    );
  });
  return `<svg role="img" aria-label="${markup(title)}" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
<text x="16" y="26" font-size="16" font-weight="bold">${markup(title)}</text>
<text x="16" y="46" fill="#666">${markup(`${name}${name && ', '}${figures(to - from)} s`)}</text>
${[...grid, ...paths, ...keys].join('\n')}
</svg>
`;
}

function markup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
