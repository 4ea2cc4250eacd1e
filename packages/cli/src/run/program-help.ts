import type { Command } from 'commander';
import { out } from '../output/out.ts';
import { visible } from '../output/visible.ts';
import type { Source } from '../probe-source.ts';
import { paramHelp } from './param-help.ts';

/** `skep run IMAGE --help`: what this probe shows and its parameters, then the flags of run. No kernel needed. */
export async function programHelp(program: string, { image }: Source, command: Command): Promise<void> {
  const { describeObject, formText, lacksTarget } = await import('@skep/probe');
  const objects = image.objects.map((o) => describeObject(o.bytes, o.name));
  const params = new Map(objects.flatMap((o) => o.params).map((p) => [p.name, p]));
  const maps = objects.flatMap((o) => o.maps).filter((m) => m.output);
  const shown = [...new Map(maps.map((m) => [m.name, m])).values()];
  const parts = [`Usage: skep run ${program} [flags]`];
  if (image.description) parts.push(image.description);
  parts.push(...paramHelp(program, [...params.values()], image.params));
  const hooks = objects.flatMap((o) => o.hooks).filter((g) => g.optional || g.rungs.length > 1);
  if (hooks.length > 0) {
    const rows = hooks.map(
      (g) => `${g.name}=${g.rungs.map((r) => r.name).join('|')}${g.optional ? '|none' : ''}`,
    );
    parts.push(`Hooks, best first, for --hook:\n${indent(rows.join('\n'))}`);
  }
  if (shown.length > 0) {
    const rows = shown.map((m) => `${m.name.padEnd(28)} ${m.help ?? ''}`.trimEnd());
    parts.push(`Shows:\n${indent(rows.join('\n'))}`);
  }
  const given = new Map((image.attach ?? []).map((a) => [a.slice(0, a.indexOf('=')), a]));
  const targeted = objects
    .flatMap((o) => o.programs)
    .filter((p) => given.has(p.name) || (p.autoload && lacksTarget(p)));
  if (targeted.length > 0) {
    const rows = targeted.map((p) => {
      const usual = given.get(p.name);
      return `${p.name}=${formText(p.type)}${usual ? `; unless said, ${usual}` : ''}`;
    });
    parts.push(`Where its programs go, for --attach:\n${indent(rows.join('\n'))}`);
  }
  const help = command.helpInformation();
  const flags = help.slice(help.indexOf('\n', help.indexOf('Options:') - 1) + 1).trimEnd();
  await out(`${[...parts.map(visible), flags].join('\n\n')}\n`);
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '  ');
}
