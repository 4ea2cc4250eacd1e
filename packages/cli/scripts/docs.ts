// Writes docs/cli.md from the definitions of the commands, and the table of docs/exit-codes.md from its own.
// Run it after a change of either; a test compares.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Option } from 'commander';
import { catalogue } from '../src/catalogue.ts';
import { examplesOf, helpSectionsOf } from '../src/examples.ts';
import { classes, ExitCode, type ExitCodeName, exitCodeMeaning } from '../src/exit-codes.ts';
import { wrap } from '../src/output/wrap.ts';
import { buildProgram, loadCommand } from '../src/program.ts';

const docs = join(import.meta.dirname, '../../../docs');

const environment: [name: string, text: string][] = [
  [
    'SKEP_STORAGE',
    'the local image store, as `--storage`; else `$XDG_DATA_HOME/skep/store`, else `~/.local/share/skep/store`',
  ],
  [
    'SKEP_SET_NAME',
    'a parameter of the probe that is run, in capitals or as it is called: `SKEP_SET_MIN_LATENCY=5ms`',
  ],
  [
    'SKEP_STATE',
    'where instances in the background have their folders: its `instances`; else `/var/lib/skep` for root, `$XDG_STATE_HOME/skep` or `~/.local/state/skep` for others',
  ],
  ['SKEP_POLICY', 'the policy of this machine, instead of `/etc/skep/policy.yaml`'],
  ['COSIGN_PASSWORD', 'of the key that `sign` uses or makes'],
  ['SKEP_CLANG', 'the compiler, as `build --clang`'],
  ['SKEP_REGISTRY_TIMEOUT', 'how long a registry may say nothing (30s)'],
  ['HTTP_PROXY, HTTPS_PROXY, NO_PROXY', 'as everywhere'],
  ['DOCKER_CONFIG, REGISTRY_AUTH_FILE', 'where docker and podman keep credentials, which are read'],
  ['SOURCE_DATE_EPOCH', 'the time written into an image'],
  ['NO_COLOR, FORCE_COLOR', 'no colour, colour also in a pipe'],
  ['SKEP_DEBUG=1', 'the stack of an error'],
  ['SKEP_TIMING=1', 'where the milliseconds went'],
];

/** The text of docs/cli.md. */
export async function cliReference(): Promise<string> {
  const program = buildProgram();
  const parts = [
    '# The skep command',
    '<!-- Written by packages/cli/scripts/docs.ts; change the commands, not this file. -->',
    `${program.description()} \`skep COMMAND --help\` says the same in the terminal. Exit codes: [exit-codes.md](exit-codes.md).`,
    '## Flags of every command',
    'They may stand before or after the command.',
    flagTable(program.options),
    '## Environment',
    environment.map(([name, text]) => `- ${code(name)}: ${text}`).join('\n'),
  ];
  for (const { name, aliases, summary, hidden } of catalogue) {
    if (hidden) continue;
    const command = program.commands.find((c) => c.name() === name)!;
    await loadCommand(command);
    parts.push(
      `## skep ${name}`,
      `${summary}.${aliases.length ? ` Also: ${aliases.map(code).join(', ')}.` : ''}`,
    );
    parts.push(fence(`skep ${name} ${command.usage()}`));
    const described = command.registeredArguments.filter((a) => a.description);
    if (described.length > 0)
      parts.push(described.map((a) => `- ${code(a.name())}: ${a.description}`).join('\n'));
    const own = command.options.filter((o) => !o.hidden);
    if (own.length > 0) parts.push(flagTable(own));
    for (const { heading, lines } of helpSectionsOf(command))
      parts.push(
        `### ${heading}`,
        `\`\`\`text\n${lines.map((line) => wrap(line, 110, 2)).join('\n')}\n\`\`\``,
      );
    parts.push(fence(examplesOf(command).join('\n')));
  }
  return `${parts.join('\n\n')}\n`;
}

/** docs/exit-codes.md with its table made anew; the words around it are its own. */
export function exitCodeDocument(current: string): string {
  const rows = (Object.keys(ExitCode) as ExitCodeName[]).map((name) => {
    const codes = name === 'ok' ? '' : classes[name].map(code).join(', ');
    return `| ${ExitCode[name]} | ${exitCodeMeaning[name]} | ${codes} |`;
  });
  const table = ['| code | meaning | errors |', '| --- | --- | --- |', ...rows].join('\n');
  return current.replace(/<!-- table -->[\s\S]*<!-- end -->/, `<!-- table -->\n${table}\n<!-- end -->`);
}

function flagTable(options: readonly Option[]): string {
  const rows = options.map((o) => {
    const choices = o.argChoices ? ` (${o.argChoices.map(code).join(', ')})` : '';
    const fallback = typeof o.defaultValue === 'string' ? `; default ${code(o.defaultValue)}` : '';
    return `| ${code(o.flags).replaceAll('|', '\\|')} | ${o.description.replaceAll('<', '&lt;')}${choices}${fallback} |`;
  });
  return ['| flag | |', '| --- | --- |', ...rows].join('\n');
}

function code(text: string): string {
  return `\`${text}\``;
}

function fence(text: string): string {
  return `\`\`\`sh\n${text}\n\`\`\``;
}

if (import.meta.filename === process.argv[1]) {
  await writeFile(join(docs, 'cli.md'), await cliReference());
  const exitCodes = join(docs, 'exit-codes.md');
  await writeFile(exitCodes, exitCodeDocument(await readFile(exitCodes, 'utf8')));
}
