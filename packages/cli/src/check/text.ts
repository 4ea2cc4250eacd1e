import type { Verdict } from '@skep/bpf';
import { paint } from '../output/color.ts';
import { wrap } from '../output/wrap.ts';
import type { KernelReport } from './report.ts';

const WIDTH = 80;
const GAP = '   ';

interface Row {
  readonly name: string;
  readonly cells: readonly string[];
}

/**
 * A table of programs by kernels, what each group would take, and below it why: each reason once, with a number that
 * the table refers to. As wide as 80 columns; more kernels go into a second table.
 */
export function checkText(reports: readonly KernelReport[], color: boolean): string {
  const reasons = new Reasons();
  const rows: Row[] = [];
  const several = (reports[0]?.objects.length ?? 0) > 1;
  for (const [i, object] of (reports[0]?.objects ?? []).entries()) {
    const named = (name: string) => (several ? `${object.name.replace(/\.o$/, '')}:${name}` : name);
    for (const [n, program] of object.programs.entries()) {
      const cells = reports.map((r) => reasons.cell(r.objects[i]!.programs[n]!.verdict));
      rows.push({ name: named(program.name) + (program.autoload ? '' : ' (?)'), cells });
    }
    for (const [n, { group }] of object.groups.entries()) {
      const cells = reports.map((r) => {
        const choice = r.objects[i]!.groups[n]!;
        return choice.taken?.name ?? (group.optional ? 'left out' : 'none');
      });
      rows.push({ name: `→ ${named(group.name)}`, cells });
    }
  }
  const whole = reports.map((r) => reasons.cell(r.verdict));
  const state = (cell: string) => cell.split(' ')[0];
  const [only] = rows.length === 1 ? rows : [];
  const all = only?.cells.every((cell, i) => state(cell) === state(whole[i]!))
    ? []
    : [{ name: 'all', cells: whole }];
  const text = tables(
    reports.map((r) => r.kernel),
    [...rows, ...all],
    color,
  );
  const notes = [...new Set(reports.flatMap((r) => r.notes))];
  return [text, reasons.text(), notes.map((n) => `${n}\n`).join('')].filter((t) => t !== '').join('\n');
}

function tables(kernels: readonly string[], rows: readonly Row[], color: boolean): string {
  const first = Math.max('PROGRAM'.length, ...rows.map((r) => r.name.length));
  const widths = kernels.map((k, i) => Math.max(k.length, ...rows.map((r) => r.cells[i]!.length)));
  const blocks: number[][] = [];
  let width = Number.POSITIVE_INFINITY;
  widths.forEach((w, i) => {
    if (width + GAP.length + w > WIDTH) {
      blocks.push([]);
      width = first;
    }
    blocks.at(-1)!.push(i);
    width += GAP.length + w;
  });
  const line = (name: string, cells: readonly string[], block: readonly number[]): string => {
    const shown = block.map((i) => tinted(cells[i]!, cells[i]!.padEnd(widths[i]!), color));
    return `${[name.padEnd(first), ...shown].join(GAP).trimEnd()}\n`;
  };
  return blocks
    .map((b) => line('PROGRAM', kernels, b) + rows.map((r) => line(r.name, r.cells, b)).join(''))
    .join('\n');
}

function tinted(cell: string, padded: string, color: boolean): string {
  if (cell === 'yes') return paint('green', padded, color);
  if (cell.startsWith('no')) return paint('red', padded, color);
  return cell.startsWith('?') ? paint('yellow', padded, color) : padded;
}

/** Reasons in the order in which they come up. */
class Reasons {
  readonly #numbers = new Map<string, number>();
  readonly #hints = new Map<string, string>();

  cell(verdict: Verdict): string {
    if (verdict.state === 'runs' && verdict.note === undefined) return 'yes';
    const reason = verdict.state === 'runs' ? verdict.note! : verdict.reason;
    const number = this.#numbers.get(reason) ?? this.#numbers.size + 1;
    this.#numbers.set(reason, number);
    if (verdict.state !== 'runs' && verdict.hint) this.#hints.set(reason, verdict.hint);
    return `${{ runs: 'yes', refused: 'no', unknown: '?' }[verdict.state]} ${number}`;
  }

  text(): string {
    return [...this.#numbers]
      .map(([reason, n]) => {
        const hint = this.#hints.get(reason);
        const label = `${String(n).padStart(2)}  `;
        return `${label}${wrap(`${reason}${hint ? `. ${hint}` : ''}`, WIDTH, label.length)}\n`;
      })
      .join('');
  }
}
