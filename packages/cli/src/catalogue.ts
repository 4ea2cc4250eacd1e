import type { Command } from 'commander';

/** A command as `skep --help` shows it, and how to get the rest when it is called. */
export interface CommandEntry {
  name: string;
  aliases: string[];
  group: string;
  summary: string;
  hidden?: boolean;
  /** Its `--config` is another one than that of registry credentials. */
  ownConfig?: boolean;
  load(): Promise<{ define(command: Command): void }>;
}

const entry = (
  group: string,
  name: string,
  summary: string,
  load: CommandEntry['load'],
  aliases: string[] = [],
): CommandEntry => ({ group, name, summary, load, aliases });

/** All commands. Each file is read only when its command is called. */
export const catalogue: readonly CommandEntry[] = [
  entry('Probes:', 'init', 'Write a first program', () => import('./commands/init.ts')),
  entry('Probes:', 'build', 'Compile C and pack it into an image', () => import('./commands/build.ts')),
  entry('Probes:', 'run', 'Run an image, an object or a C file', () => import('./commands/run.ts')),
  entry('Probes:', 'dev', 'Build and run again on every save', () => import('./commands/dev.ts')),
  entry('Probes:', 'check', 'Say on which kernels a probe runs', () => import('./commands/check.ts')),
  entry('Probes:', 'describe', 'Show programs, maps, parameters', () => import('./commands/describe.ts')),
  entry('In the background:', 'ps', 'List what runs', () => import('./commands/ps.ts')),
  entry('In the background:', 'logs', 'Show what one has seen', () => import('./commands/logs.ts')),
  entry('In the background:', 'stats', 'Show what each costs', () => import('./commands/stats.ts')),
  entry('In the background:', 'attach', 'Look at one live', () => import('./commands/attach.ts')),
  entry('In the background:', 'stop', 'End them', () => import('./commands/stop.ts')),
  entry(
    'In the background:',
    'generate',
    'Write a systemd unit, Kubernetes manifests, dashboards, alert rules',
    () => import('./commands/generate.ts'),
  ),
  entry('Images:', 'list', 'List the images of this machine', () => import('./commands/list.ts'), [
    'ls',
    'images',
  ]),
  entry('Images:', 'inspect', 'Show everything about images as JSON', () => import('./commands/inspect.ts')),
  entry('Images:', 'tag', 'Give an image another name', () => import('./commands/tag.ts')),
  entry('Images:', 'rm', 'Remove images, or instances', () => import('./commands/rm.ts'), ['rmi']),
  entry(
    'Images:',
    'package',
    'Make a container image that runs a probe',
    () => import('./commands/package.ts'),
  ),
  entry('Images:', 'save', 'Write images into an archive', () => import('./commands/save.ts')),
  entry('Images:', 'load', 'Take images from an archive', () => import('./commands/load.ts')),
  entry('Images:', 'prune', 'Delete what no image needs', () => import('./commands/prune.ts')),
  entry('Registries:', 'push', 'Upload an image', () => import('./commands/push.ts')),
  entry('Registries:', 'pull', 'Download an image', () => import('./commands/pull.ts')),
  entry('Registries:', 'copy', 'Copy an image between registries', () => import('./commands/copy.ts')),
  entry('Registries:', 'tags', 'List the tags of a repository', () => import('./commands/tags.ts')),
  entry('Registries:', 'login', 'Log in to a registry', () => import('./commands/login.ts')),
  entry('Registries:', 'logout', 'Log out of a registry', () => import('./commands/logout.ts')),
  entry('Trust:', 'sign', 'Sign an image, as cosign does', () => import('./commands/sign.ts')),
  entry('Trust:', 'verify', 'Check who signed an image, or the store', () => import('./commands/verify.ts')),
  {
    ...entry('This machine:', 'agent', 'Watch every service', () => import('./commands/agent.ts')),
    ownConfig: true,
  },
  entry('This machine:', 'doctor', 'Say what this machine can do', () => import('./commands/doctor.ts')),
  entry('This machine:', 'top', 'Show what all BPF programs here cost', () => import('./commands/top.ts')),
  entry('This machine:', 'version', 'Show versions', () => import('./commands/version.ts')),
  entry('This machine:', 'completion', 'Print a completion script', () => import('./commands/completion.ts')),
  { ...entry('', '__complete', '', () => import('./commands/complete.ts')), hidden: true },
];

/** Finds a command by its name or alias. */
export function findCommand(name: string): CommandEntry | undefined {
  return catalogue.find((c) => c.name === name || c.aliases.includes(name));
}
