import { describeClang } from '../find.ts';
import { containerHeaderDirs } from '../headers.ts';
import type { RunResult } from '../run.ts';
import type { Sandbox } from '../sandbox.ts';
import type { Toolchain } from '../toolchain.ts';
import { engineError, runEngine } from './engine.ts';
import { type BuilderImage, builderImage } from './image.ts';
import { mountsFor } from './mounts.ts';
import type { Builder } from './types.ts';

/** An engine ends with these when not the program but it itself failed (docker run, podman run: EXIT STATUS). */
const ENGINE_FAILED = [125, 126, 127];

const found = new Map<string, Promise<Toolchain>>();

/**
 * The compiler of a container image. It is asked once a process: every question starts a container.
 *
 * @param clang its name in the image, `clang` unless said
 * @throws {ProbeError} `SKEP_BUILDER`
 */
export function containerToolchain(builder: Builder, clang = 'clang'): Promise<Toolchain> {
  const key = JSON.stringify([builder.program, builder.image, clang]);
  const known = found.get(key);
  if (known) return known;
  const toolchain = find(builder, clang);
  found.set(key, toolchain);
  toolchain.catch(() => found.delete(key));
  return toolchain;
}

async function find(builder: Builder, name: string): Promise<Toolchain> {
  const isDocker = /docker/i.test((await runEngine(builder, ['--version'])).stdout);
  const image = await builderImage(builder);
  const start = (options: readonly string[], args: readonly string[]) =>
    runContainer(builder, image, isDocker, [...options, '--entrypoint', name, image.name, ...args]);
  const { stdout } = await start([], ['--version']);
  const clang = describeClang(name, stdout);
  if (!clang) {
    throw engineError(
      `${name} of the image ${image.name} does not answer --version as clang does.`,
      'Name its compiler with --clang, or take another image.',
      stdout,
    );
  }
  return {
    clang,
    headers: containerHeaderDirs(),
    image: image.identity,
    run: (args, sandbox) => start(mountOptions(sandbox), args),
  };
}

/**
 * With no network and no rights but to read what its user can: it works on sources that somebody else may have written.
 * Labels are off so that SELinux does not have the user's files relabelled. podman's root is the user; docker's is not.
 */
async function runContainer(
  builder: Builder,
  image: BuilderImage,
  isDocker: boolean,
  args: readonly string[],
): Promise<RunResult> {
  const options = [
    'run',
    '--rm',
    '--network',
    'none',
    '--read-only',
    '--log-driver',
    'none',
    '--pull',
    'never',
  ];
  options.push('--cap-drop', 'all', '--security-opt', 'no-new-privileges', '--security-opt', 'label=disable');
  if (isDocker) options.push('--user', `${process.getuid!()}:${process.getgid!()}`);
  else options.push('--cap-add', 'dac_override');
  const result = await runEngine(builder, [...options, ...args]);
  if (!ENGINE_FAILED.includes(result.status)) return result;
  throw engineError(
    `${builder.program} could not run the compiler of ${image.name}.`,
    'What it wrote is above.',
    result.stderr,
  );
}

function mountOptions(sandbox: Sandbox): string[] {
  const inputs = mountsFor(sandbox.inputs, process.cwd()).map((path) => mount(path, true));
  return [
    ...inputs,
    mount(sandbox.dir, false),
    ['--workdir', sandbox.dir, '--env', `TMPDIR=${sandbox.dir}`],
  ].flat();
}

/** Fields are CSV. */
function mount(path: string, readonly: boolean): string[] {
  const fields = ['type=bind', `source=${path}`, `target=${path}`, ...(readonly ? ['readonly'] : [])];
  return ['--mount', fields.map((f) => (/[",\n]/.test(f) ? `"${f.replaceAll('"', '""')}"` : f)).join(',')];
}
