import { rename, rm } from 'node:fs/promises';

/** Gives a folder its name. Where another run was faster its copy is as good as ours, which goes. */
export async function renameOnce(from: string, to: string): Promise<void> {
  await rename(from, to).catch(async (e: NodeJS.ErrnoException) => {
    if (e.code !== 'ENOTEMPTY' && e.code !== 'EEXIST') throw e;
    await rm(from, { recursive: true });
  });
}
