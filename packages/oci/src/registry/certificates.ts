import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { errno, OciError } from '../errors.ts';

/** What a registry is trusted by besides the usual, and what we show it. */
export interface HostCertificates {
  /** Authorities, in PEM. */
  ca: string[];
  /** For a registry that asks clients for a certificate: chain and key, in PEM. */
  client?: { cert: string; key: string };
}

/**
 * The certificates that a machine keeps for a registry, where podman and docker look for them: `certs.d/HOST[:PORT]` of the
 * user's containers folder, then `/etc/containers` and `/etc/docker`. The first of these folders that is there counts: `*.crt`
 * are authorities, `NAME.cert` with `NAME.key` are ours.
 * https://github.com/containers/image/blob/main/docs/containers-certs.d.5.md
 *
 * @throws OciError SKEP_CA_FILE for a file that cannot be read, or a certificate without its key
 */
export function hostCertificates(host: string, env: NodeJS.ProcessEnv = process.env): HostCertificates {
  for (const folder of folders(env)) {
    const found = read(join(folder, 'certs.d', host));
    if (found !== undefined) return found;
  }
  return { ca: [] };
}

function folders(env: NodeJS.ProcessEnv): string[] {
  const config = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config');
  return [join(config, 'containers'), '/etc/containers', '/etc/docker'];
}

function read(folder: string): HostCertificates | undefined {
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch (e) {
    // What this user may not look into is for others; podman passes over it as well.
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(errno(e) ?? '')) return undefined;
    throw unreadable(folder, e);
  }
  const found: HostCertificates = {
    ca: names.filter((name) => name.endsWith('.crt')).map((name) => readPem(join(folder, name))),
  };
  const cert = names.find((name) => name.endsWith('.cert'));
  const key = names.find((name) => name.endsWith('.key'));
  const pair = cert?.replace(/cert$/, 'key') ?? key;
  if (pair === undefined) return found;
  if (cert === undefined || !names.includes(pair)) {
    const [has, lacks] = cert === undefined ? [pair, pair.replace(/key$/, 'cert')] : [cert, pair];
    throw new OciError('SKEP_CA_FILE', `${folder} has ${has}, but no ${lacks}.`, {
      hint: 'A certificate that is shown to a registry is NAME.cert and NAME.key; an authority ends with .crt.',
    });
  }
  return { ...found, client: { cert: readPem(join(folder, cert)), key: readText(join(folder, pair)) } };
}

/** Certificates in PEM. @throws OciError SKEP_CA_FILE */
export function readPem(path: string): string {
  const pem = readText(path);
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  throw new OciError('SKEP_CA_FILE', `The CA file ${path} holds no PEM certificate.`, {
    hint: 'It must contain -----BEGIN CERTIFICATE-----; convert DER with openssl x509 -inform der.',
  });
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (e) {
    throw unreadable(path, e);
  }
}

function unreadable(path: string, cause: unknown): OciError {
  return new OciError('SKEP_CA_FILE', `The CA file ${path} cannot be read (${errno(cause)}).`, {
    hint: 'Check its name and permissions.',
    cause,
  });
}
