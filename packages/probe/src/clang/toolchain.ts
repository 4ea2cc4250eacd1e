import { containerToolchain } from './container/toolchain.ts';
import type { Builder } from './container/types.ts';
import { type Clang, findClang } from './find.ts';
import { type HeaderDirs, headerDirs } from './headers.ts';
import { type RunResult, run } from './run.ts';
import type { Sandbox } from './sandbox.ts';

/** A compiler, and the headers that go with it. */
export interface Toolchain {
  clang: Clang;
  headers: HeaderDirs;
  /** The container image that it comes from: its digest, or what the engine calls it. */
  image?: string;
  /** Runs it in a sandbox; what that links is there for it under the same paths. */
  run(args: readonly string[], sandbox: Sandbox): Promise<RunResult>;
}

/**
 * This machine's compiler, or with a builder the one of a container image.
 *
 * @throws {ProbeError} `SKEP_CLANG_MISSING`, `SKEP_HEADERS_MISSING`, `SKEP_BUILDER`
 */
export async function findToolchain(clang: string | undefined, builder?: Builder): Promise<Toolchain> {
  if (builder) return containerToolchain(builder, clang);
  const found = await findClang(clang);
  return {
    clang: found,
    headers: headerDirs(),
    run: (args, sandbox) => run(found.path, args, sandbox.dir),
  };
}
