import { existsSync } from 'node:fs';
import type { Removed, Store } from '@skep/oci';
import type { Command } from 'commander';
import { CliError, report, usageError } from '../errors.ts';
import { examples } from '../examples.ts';
import { noImage, openStore } from '../images.ts';
import { type Instance, listInstances } from '../instances/folder.ts';
import { usersOf } from '../instances/used.ts';
import { out } from '../output/out.ts';
import { type Settings, settingsOf } from '../settings.ts';
import { transfer } from '../transfer.ts';

/** `skep rm` */
export function define(command: Command): void {
  command
    .argument('<reference...>', 'images to remove, or instances: what runs or ran in the background')
    .option('--remote', 'delete in the registry, not here: HOST/NAME:TAG or HOST/NAME@DIGEST')
    .option(
      '-f, --force',
      'no error for what is not there; an instance is stopped first, its image goes while it runs',
    )
    .option('-q, --quiet', 'print nothing')
    .action(remove);
  examples(
    command,
    'skep rm oomkill:1',
    'skep rm $(skep list -q)',
    'sudo skep rm -f kills                                   an instance; its log goes with it',
    'skep rm --remote localhost:5000/oomkill:1               the tag; the image stays for its other tags',
    'skep rm --remote localhost:5000/oomkill@sha256:0123…    the image, with all its tags',
    '',
    'A registry that cannot take away a tag alone is left as it is if the image has more tags, and loses the image if it has no other. Blobs go when the registry next collects its garbage.',
  );
}

interface Flags {
  force?: boolean;
  quiet?: boolean;
  remote?: boolean;
}

/** One wrong name does not keep the others; it is said, and the exit code is its. */
async function remove(references: string[], flags: Flags, command: Command): Promise<void> {
  const settings = settingsOf(command);
  if (flags.remote) return removeInRegistries(references, flags, settings);
  const instances = new Map(listInstances().map((i) => [i.name, i]));
  const store = await openStore(settings);
  const user = flags.force ? undefined : await usersOf([...instances.values()], store);
  // All images at once: what the others need is then found out once.
  const removals = [];
  for (const reference of references) {
    const instance = instanceCalled(reference, instances);
    const inUse = instance ? undefined : await user?.(reference);
    removals.push({ reference, instance, inUse });
  }
  const images = removals.map(({ reference, instance, inUse }) => {
    if (instance || inUse) return undefined;
    const image = store.remove(reference);
    image.catch(() => undefined); // said below, in its turn
    return image;
  });
  for (const [i, { reference, instance, inUse }] of removals.entries()) {
    try {
      const image = images[i];
      if (inUse)
        throw new CliError(
          'SKEP_RUNNING',
          `the instance "${inUse.name}" runs ${reference}`,
          `skep rm ${inUse.name} takes the instance away first (with -f while it runs); skep rm -f ${reference} only the image.`,
        );
      if (instance) await removeInstance(instance, reference, store, flags);
      else if (image) await removeImage(image, reference, store, flags);
    } catch (e) {
      process.exitCode = report(e, settings.verbose);
    }
  }
}

async function removeImage(
  image: Promise<Removed>,
  reference: string,
  store: Store,
  { force, quiet }: Flags,
): Promise<void> {
  try {
    const { removed, freed } = await image;
    if (!quiet)
      await out([...removed.map((r) => `Untagged: ${r}\n`), ...freed.map((d) => `Deleted: ${d}\n`)].join(''));
  } catch (e) {
    if ((e as { code?: string }).code !== 'SKEP_NOT_FOUND') throw e;
    if (!force) await noImage(store, reference);
  }
}

/** An instance by its name, or by as much of its id as `skep ps` shows. */
function instanceCalled(word: string, instances: ReadonlyMap<string, Instance>): Instance | undefined {
  const id = /^[0-9a-f]{12,64}$/.test(word) ? word : undefined;
  return instances.get(word) ?? [...instances.values()].find((i) => id && i.id.startsWith(id));
}

async function removeInstance(instance: Instance, word: string, store: Store, flags: Flags): Promise<void> {
  // An image "oomkill" is oomkill:latest; nobody should lose the one who meant the other.
  if (await store.resolve(word))
    throw usageError(
      `"${word}" is an instance and an image`,
      `Write ${word}:latest for the image, ${instance.id.slice(0, 12)} for the instance.`,
    );
  const { removeFolder } = await import('../instances/folder.ts');
  if (instance.state === 'running' || instance.state === 'created') {
    if (!flags.force)
      throw new CliError(
        'SKEP_RUNNING',
        `the instance "${instance.name}" is running`,
        `skep stop ${instance.name} ends it first, skep rm -f does both.`,
      );
    const { stopInstance } = await import('../instances/stop.ts');
    await stopInstance(instance, 10_000);
  } else if (instance.damage) {
    // Whether it runs is not said by what is left of its files.
    if (!flags.force) throw instance.damage;
    const { stopInstance } = await import('../instances/stop.ts');
    await stopInstance(instance, 10_000);
  }
  if (existsSync(instance.folder)) removeFolder(instance);
  if (!flags.quiet) await out(`${word}\n`);
}

async function removeInRegistries(references: string[], flags: Flags, settings: Settings): Promise<void> {
  const { OciError, removeRemote } = await import('@skep/oci');
  for (const reference of references) {
    try {
      const { untagged, deleted } = await transfer(`deleting ${reference}`, settings, true, (o) =>
        removeRemote(reference, o),
      );
      if (flags.quiet) continue;
      await out(`${untagged ? `Untagged: ${untagged}\n` : ''}${deleted ? `Deleted: ${deleted}\n` : ''}`);
    } catch (e) {
      if (flags.force && e instanceof OciError && e.code === 'SKEP_NOT_FOUND') continue;
      process.exitCode = report(e, settings.verbose);
    }
  }
}
