import type { Command } from 'commander';
import { usageError } from '../errors.ts';
import { examples, helpSection } from '../examples.ts';
import { attachHelp } from '../run/attach-help.ts';
import { addRunFlags, checkRunFlags, type RunFlags } from '../run/flags.ts';
import { otlpHelp } from '../run/otlp-help.ts';
import { settingsOf } from '../settings.ts';
import { mark } from '../timing.ts';

/** `skep run` */
export function define(command: Command): void {
  command
    .helpOption(false)
    .usage('[flags] FILE.c|FILE.o|IMAGE|LIST.yaml...')
    .argument(
      '[program...]',
      'C files (built first), object files, images (pulled if absent), or YAML lists of them: one run',
    )
    .allowUnknownOption()
    .allowExcessArguments()
    .action(run);
  addRunFlags(command);
  command.option('-h, --help', "show help; with a program, that program's parameters");
  helpSection(command, 'Targets of --attach PROG=TARGET', attachHelp());
  helpSection(command, 'What --otlp sends', otlpHelp());
  examples(
    command,
    'sudo skep run oomkill:1                          live tables; q quits',
    'sudo skep run opensnoop:1 --pid 1234 --comm curl    only these; may be repeated',
    'sudo skep run tcpconnlat:1 --min-latency 5ms     a parameter of the probe, as is',
    'sudo skep run tcpconnlat:1 --set min_latency=5ms',
    'sudo skep run opensnoop.c -o json | jq .data     a line an event',
    'sudo skep run packets.o --attach count=eth0,egress --attach drops=eth0',
    "sudo skep run tcpconnect:1 -f 'print_events,comm,^curl$'",
    'sudo skep run oomkill:1 --prom-listen :9100      and curl localhost:9100/metrics',
    'sudo skep run tcpconnect:1 --otlp http://127.0.0.1:4318   to an OpenTelemetry collector',
    'sudo skep run oomkill:1 execsnoop:1 -o json        several in one process, one /metrics',
    'sudo skep run probes.yaml                        those that a list names',
    'sudo skep run profile:1 --timeout 10s --flame cpu.svg   where the processors spend their time',
    'sudo skep run capable:1 --explain                which hook it takes here, and why no better one',
    'sudo skep run capable:1 --hook check=kprobe',
    'sudo skep run opensnoop:1 --summary lost.json    what came and what was lost, as JSON',
    'sudo skep run -d --name kills oomkill:1          in the background: skep ps, logs, stats, attach, stop, rm',
    'skep run oomkill:1 --help                        its parameters',
  );
}

async function run(_: unknown, flags: RunFlags, command: Command): Promise<void> {
  const [program] = command.args;
  if (program === undefined) {
    if (flags.help) return command.outputHelp();
    throw usageError(
      'what shall run is missing',
      'Name a C file, an object file or an image: skep run oomkill:1.',
    );
  }
  if (program.startsWith('-')) {
    throw usageError(
      `unknown option '${program}'`,
      'A parameter of the probe is set behind the program: skep run tcpconnlat:1 --min-latency 5ms.',
    );
  }
  const settings = settingsOf(command);
  // docker's -p: with an image that is here already nobody would ask for the password, nor say that no port was opened.
  if (settings.password !== undefined && settings.username === undefined) {
    throw usageError(
      '--password needs --username too',
      '-p is the password of a registry. Where /metrics listens says --prom-listen 127.0.0.1:9091.',
    );
  }
  if (flags.help) {
    const { runSource } = await import('../run/source.ts');
    const { programHelp } = await import('../run/program-help.ts');
    return programHelp(program, await runSource(program, flags, settings), command);
  }
  checkRunFlags(flags);
  mark('flags read');
  const { programsOf } = await import('../run/programs.ts');
  const programs = await programsOf(command.args);
  if (flags.detach && flags.instance === undefined) {
    const { launch } = await import('../instances/index.ts');
    process.exitCode = await launch({
      programs: programs.programs.map((p) => p.name ?? p.program),
      name: flags.name,
      like: programs.name ?? bareName(programs.programs[0]!.program),
      labels: flags.label ?? {},
      remove: flags.rm ?? false,
      argv: process.argv.slice(2),
    });
    return;
  }
  const { execute } = await import('../run/execute.ts');
  await execute(programs, flags, settings);
}

/** `ghcr.io/me/oomkill:1` and `dir/oomkill.bpf.c` are called oomkill. */
function bareName(program: string): string {
  const last = program.split('@', 1)[0]!.split('/').at(-1)!;
  return last.replace(/(\.bpf)?\.[co]$/, '').replace(/:.*/, '');
}
