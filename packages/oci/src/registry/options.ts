/** How to talk to a registry. */
export interface RegistryOptions {
  /** HTTP instead of HTTPS. Without it, only a registry on this machine's loopback is spoken to in plain HTTP. */
  plainHttp?: boolean;
  /** Accept any TLS certificate. */
  insecure?: boolean;
  /** Go on in plain HTTP where the registry turns out to have no TLS. With `insecure`, this is what podman calls `--tls-verify=false`. */
  mayBePlain?: boolean;
  /** A PEM file with certificate authorities to trust besides the system's, and those that `certs.d` has for the registry. */
  caFile?: string;
  /** Credentials that go before those kept in files. */
  username?: string;
  password?: string;
  /** Authentication files to look into instead of docker's and podman's; the first one is written by login. */
  authFiles?: string[];
  /** A connection on which nothing moves for this long is given up. Milliseconds, 30,000 by default. */
  idleTimeoutMs?: number;
  /** Tries in all, and the first pause between two (it doubles). 4 tries and 250 ms by default. */
  retry?: { attempts?: number; pauseMs?: number };
  /** Where HTTP_PROXY, DOCKER_CONFIG and the like are read. `process.env` by default. */
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
}

/** One step of a transfer. */
export interface Progress {
  phase: 'push' | 'pull';
  digest: string;
  /** Bytes so far. */
  done: number;
  /** Bytes in all. */
  total: number;
  status: 'exists' | 'transferring' | 'done';
}

export interface TransferOptions extends RegistryOptions {
  /** Called for every blob at least once, and as its bytes move. */
  onProgress?(p: Progress): void;
  /**
   * Which manifests of a multi-platform image to pull: `linux/arm64`, several with commas between, or `all`. This
   * machine's by default.
   */
  platform?: string;
  /** Blobs in flight at once. 4 by default. */
  parallel?: number;
}
