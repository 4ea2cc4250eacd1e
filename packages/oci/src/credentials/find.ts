import type { RegistryOptions } from '../registry/options.ts';
import { authFiles, credentialsFor, helperFor, readAuthFile } from './file.ts';
import { askHelper } from './helper.ts';

/** How we show a registry who we are: one of the three ways. */
export interface Credentials {
  username?: string;
  password?: string;
  /** A refresh token (OAuth 2): the token server gives an access token for it. */
  identityToken?: string;
  /** A bearer token that is sent as it is. */
  registryToken?: string;
}

/**
 * Looks for credentials: those in the options, then docker's and podman's files in turn. Inside a file: the helper for
 * that host (`credHelpers`), the general one (`credsStore`), the file's own entries.
 *
 * @param repository of that host; without, only what is kept for all of it
 * @returns undefined when nothing is known about the host
 * @throws OciError SKEP_AUTH_FILE
 */
export async function findCredentials(
  host: string,
  opts: RegistryOptions = {},
  repository = '',
): Promise<Credentials | undefined> {
  if (opts.username !== undefined) return { username: opts.username, password: opts.password ?? '' };
  for (const path of authFiles(opts)) {
    const file = readAuthFile(path);
    if (file === undefined) continue;
    const helper = helperFor(file, host);
    if (helper !== undefined) {
      const found = await askHelper(helper, host, path, opts.env ?? process.env);
      if (found !== undefined) return found;
    }
    const own = credentialsFor(file, host, repository);
    if (own !== undefined) return own;
  }
  return undefined;
}
