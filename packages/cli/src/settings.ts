import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { usageError } from './errors.ts';

/** The flags that every command takes, before or after its name. */
export interface Settings {
  verbose: boolean;
  /** Folder of the local image store. */
  storage: string;
  /** Whether the user named the store, so that no other may stand in for it. */
  storageGiven: boolean;
  /** Files with registry credentials, first one written by login; empty means docker's and podman's own. */
  authFiles: string[];
  username?: string;
  password?: string;
  insecure: boolean;
  plainHttp: boolean;
  /** Plain HTTP to a registry that has no TLS, with TLS to others. */
  mayBePlain: boolean;
  caFile?: string;
}

interface RawFlags {
  verbose?: boolean;
  storage?: string;
  config?: string[];
  username?: string;
  password?: string;
  insecure?: boolean;
  plainHttp?: boolean;
  tlsVerify?: 'true' | 'false';
  caFile?: string;
}

/** Declares the shared flags. On a subcommand they work but are listed only in `skep --help`. */
export function addSharedFlags(command: Command, visible: boolean, config = true): void {
  const add = (flags: string, description: string) => {
    const option = new Option(flags, description);
    command.addOption(visible ? option : option.hideHelp());
    return option;
  };
  add('-v, --verbose', 'say more; the whole verifier log');
  add('--storage <dir>', 'local image store (SKEP_STORAGE; default ~/.local/share/skep/store)');
  if (config) add('-c, --config <file>', 'registry credentials, may be repeated').argParser(collect);
  add('-u, --username <name>', 'registry user');
  add('-p, --password <text>', 'registry password (better: skep login)');
  add('--insecure', 'accept any TLS certificate of the registry');
  add('--plain-http', 'talk HTTP to the registry (localhost: anyway)');
  add(
    '--tls-verify <bool>',
    'as of podman and skopeo: false is --insecure, and HTTP where there is no TLS',
  ).choices(['true', 'false']);
  add('--ca-file <file>', 'also trust the certificates in this file (besides certs.d of podman or docker)');
}

/** Gathers a flag that may be repeated. */
export function collect(value: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

/** The shared flags of a command, those before its name filled in from the program. */
export function settingsOf(command: Command): Settings {
  const own = command.opts<RawFlags>();
  const program = command.parent?.opts<RawFlags>() ?? {};
  const flags: RawFlags = { ...program, ...own };
  // As from --storage "$UNSET": the current folder was not meant.
  if (flags.storage === '') throw usageError('--storage names no folder', 'Leave it out, or name one.');
  const given = flags.storage ?? (process.env.SKEP_STORAGE || undefined);
  return {
    verbose: flags.verbose ?? false,
    storage: given ?? defaultStorage(homedir(), process.env.XDG_DATA_HOME),
    storageGiven: given !== undefined,
    authFiles: [...(program.config ?? []), ...(command.parent ? (own.config ?? []) : [])],
    username: flags.username,
    password: flags.password,
    insecure: flags.insecure ?? flags.tlsVerify === 'false',
    plainHttp: flags.plainHttp ?? false,
    mayBePlain: flags.tlsVerify === 'false',
    caFile: flags.caFile,
  };
}

/** Where images are kept when nothing else is said. */
export function defaultStorage(home: string, xdgDataHome?: string): string {
  return join(xdgDataHome || join(home, '.local', 'share'), 'skep', 'store');
}
