/**
 * An NFS server and its client on one machine, both the kernel's own, over loopback: what a guest needs to read and
 * write a file through nfs.ko. No daemon of nfs-utils takes part. mountd's job, to say who may have which folder, is
 * done by writing its answers into the kernel's caches before it asks.
 *
 * Only for guests: it loads modules and exports a folder to 127.0.0.1.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';

/** linux/nfsd/export.h: this export is the root that version 4 mounts, parents of files are not checked, any port. */
const FSID = 0x2000;
const NO_SUBTREE_CHECK = 0x0400;
const INSECURE_PORT = 0x0002;
const NEVER = 2147483647; // a cache entry's expiry, seconds
const NOBODY = 65534;

/** Mounts an empty folder at `target` through NFS 4.2. */
export function mountNfs(target: string): void {
  const exported = '/tmp/nfs-export';
  for (const module of ['nfsd', 'nfsv4']) execFileSync('modprobe', [module]);
  for (const dir of [exported, target, '/var/lib/nfs/v4recovery']) mkdirSync(dir, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', 'nfs-export', exported]);
  execFileSync('mount', ['-t', 'nfsd', 'nfsd', '/proc/fs/nfsd']);

  // Version 3 would have to register with rpcbind, which is not there.
  writeFileSync('/proc/fs/nfsd/versions', '-3 +4 +4.1 +4.2\n');
  writeFileSync('/proc/fs/nfsd/threads', '2\n');
  const flags = FSID | NO_SUBTREE_CHECK | INSECURE_PORT;
  writeFileSync('/proc/net/rpc/auth.unix.ip/channel', `nfsd 127.0.0.1 ${NEVER} localhost\n`);
  writeFileSync(
    '/proc/net/rpc/nfsd.export/channel',
    `localhost ${exported} ${NEVER} ${flags} ${NOBODY} ${NOBODY} 0\n`,
  );
  writeFileSync('/proc/net/rpc/nfsd.fh/channel', `localhost 1 \\x00000000 ${NEVER} ${exported}\n`);
  // A server that has just started waits for clients that it may have known; nobody was here before.
  writeFileSync('/proc/fs/nfsd/v4_end_grace', 'Y\n');

  const options = 'vers=4.2,addr=127.0.0.1,clientaddr=127.0.0.1,proto=tcp,sec=sys';
  execFileSync('mount', ['-i', '-t', 'nfs4', '-o', options, '127.0.0.1:/', target], { timeout: 30_000 });
}
