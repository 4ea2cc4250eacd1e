import type { Frame, SeenProcess } from '@skep/bpf/symbols';
import type { Stack } from '../contract/stream.ts';

/** Names a stack's addresses, when somebody wants to see them. */
export interface Namer {
  name(stack: RawStack): readonly Frame[];
  text(frame: Frame): string;
  shortName(frame: Frame): string;
}

/** Between two frames in one line of text. */
export const FRAME_SEPARATOR = ' <- ';

/** A stack as it was taken: addresses at once, names when they are first looked at. */
export class RawStack implements Stack {
  readonly side: Stack['side'];
  readonly missing: Stack['missing'];
  /** Innermost first. With build ids: offsets in files. */
  readonly addresses: readonly bigint[];
  /** Beside each address, where the kernel gives files instead of addresses. */
  readonly buildIds: readonly (string | undefined)[] | undefined;
  readonly pid: number | undefined;
  /** The process as it was when the stack was taken. */
  readonly seen: SeenProcess | undefined;
  readonly #namer: Namer;
  #frames: readonly Frame[] | undefined;

  constructor(
    namer: Namer,
    init: {
      side: Stack['side'];
      addresses?: readonly bigint[];
      buildIds?: readonly (string | undefined)[];
      pid?: number;
      seen?: SeenProcess;
      missing?: Stack['missing'];
    },
  ) {
    this.#namer = namer;
    this.side = init.side;
    this.addresses = init.addresses ?? [];
    this.buildIds = init.buildIds;
    this.pid = init.pid;
    this.seen = init.seen;
    this.missing = init.missing ?? (this.addresses.length === 0 ? 'none' : undefined);
  }

  get frames(): readonly Frame[] {
    this.#frames ??= this.#namer.name(this);
    return this.#frames;
  }

  get names(): string[] {
    if (this.missing === 'lost') return ['[lost]'];
    return this.frames.map((frame) => this.#namer.shortName(frame));
  }

  get lines(): string[] {
    if (this.missing === 'lost') return ['[lost]'];
    return this.frames.map((frame) => this.#namer.text(frame));
  }

  /** One line for people: innermost first. */
  get text(): string {
    return this.lines.join(FRAME_SEPARATOR);
  }

  /** One line for machines, as tools that fold stacks write it: outermost first, without offsets. */
  get folded(): string {
    return this.names.toReversed().join(';');
  }
}
