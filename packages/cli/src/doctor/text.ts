import { release } from 'node:os';
import { type Color, paint, useColor } from '../output/color.ts';
import type { Check } from './check.ts';

const width = 22;

/** The table a person reads: what is there, what is not, and under it what would mend it. */
export function doctorText(about: string, checks: readonly Check[], onlyMissing: boolean): string {
  const shown = onlyMissing ? checks.filter((c) => c.ok !== true) : checks;
  const areas = [...new Set(shown.map((c) => c.area))];
  const blocks = areas.map((area) =>
    areaText(
      area,
      shown.filter((c) => c.area === area),
    ),
  );
  const missing = checks.filter((c) => c.essential && c.ok === false);
  const verdict =
    missing.length === 0
      ? 'Probes run here.'
      : `No probe runs here without: ${missing.map((c) => c.name).join(', ')}.`;
  return `${[...(onlyMissing ? [] : [`${about}\n`]), ...blocks].join('\n')}\n${verdict}\n`;
}

/**
 * Checks that passed without a word (types, hooks) share lines, a line a version; so do features of the kernel that
 * are newer than it, and those that failed for the same reason.
 */
function areaText(area: string, checks: readonly Check[]): string {
  const silent = checks.filter((c) => c.ok && c.detail === '');
  const newer = checks.filter((c) => c.ok === false && isNewer(c.since));
  const lines = [...byVersion(silent, true), ...byVersion(newer, false)];
  const reasons = new Map<string, Check[]>();
  for (const c of checks) {
    if (silent.includes(c) || newer.includes(c)) continue;
    const reason = JSON.stringify([c.ok, c.detail, c.mend]);
    reasons.set(reason, [...(reasons.get(reason) ?? []), c]);
  }
  for (const [first, ...more] of reasons.values()) lines.push(...checkLines(first!, more));
  return `${bold(area)}\n${lines.map((l) => `${l}\n`).join('')}`;
}

/** Whether a later kernel than this one brought it. */
function isNewer(since = ''): boolean {
  const [major = 0, minor = 0] = since.split('.').map(Number);
  const [here = 0, there = 0] = release().split('.').map(Number);
  return major > here || (major === here && minor > there);
}

/** By the version that brought them, oldest first. */
function byVersion(checks: readonly Check[], ok: boolean): string[] {
  const versions = [...new Set(checks.map((c) => c.since ?? ''))].sort((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  );
  return versions.flatMap((version) => {
    const names = checks.filter((c) => (c.since ?? '') === version).map((c) => c.name);
    return wrapped(names, ok, version === '' ? '' : version.padEnd(5));
  });
}

function wrapped(names: readonly string[], ok: boolean | undefined, label = ''): string[] {
  const before = label === '' ? '' : `${label} `;
  const columns = Math.min(process.stdout.columns || 80, 110) - 7 - before.length;
  const lines: string[] = [];
  for (const name of names) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 2 + name.length <= columns)
      lines[lines.length - 1] = `${last}, ${name}`;
    else {
      if (last !== undefined) lines[lines.length - 1] = `${last},`;
      lines.push(name);
    }
  }
  const blank = ' '.repeat(before.length);
  return lines.map((line, i) => (i === 0 ? `  ${state(ok)} ${before}${line}` : `      ${blank}${line}`));
}

function checkLines(c: Check, sameReason: readonly Check[]): string[] {
  const first =
    sameReason.length === 0
      ? [`  ${state(c.ok)} ${c.name.padEnd(width)} ${c.detail}`.trimEnd()]
      : [
          ...wrapped(
            [c, ...sameReason].map((o) => o.name),
            c.ok,
          ),
          `      ${c.detail}`,
        ];
  return [...first, ...(c.mend ? c.mend.split('\n').map((m) => `      ${paintOut('cyan', `→ ${m}`)}`) : [])];
}

function state(ok: boolean | undefined): string {
  if (ok === undefined) return paintOut('yellow', '?  ');
  return ok ? paintOut('green', 'yes') : paintOut('red', 'no ');
}

function bold(text: string): string {
  return paintOut('bold', text);
}

function paintOut(color: Color, text: string): string {
  return paint(color, text, useColor(process.stdout));
}
