import type { FrameKind } from '@skep/bpf/symbols';

/** What a box of the picture is: a process's name, or a frame of a kind. `unknown`: nobody knows its function. */
export type BoxKind = FrameKind | 'process' | 'unknown';

/** One step from the root to the leaf. */
export interface Step {
  readonly name: string;
  readonly kind: BoxKind;
  /** The library or program, where it is known. */
  readonly module?: string;
}

/** A box: what lies above it in the picture are its children. */
export interface Box extends Step {
  /** Of all stacks that go through it. */
  total: number;
  /** Of those that end in it. */
  self: number;
  readonly children: Map<string, Box>;
}

/** Boxes a tree takes; stacks that would need more end where the last box was. */
const MAX_BOXES = 200_000;

/** Stacks by what they share from the root on, with a number for each. */
export class FlameTree {
  readonly root: Box;
  #boxes = 1;
  /** Of stacks that were cut because there were too many boxes. */
  cut = 0;

  constructor(name: string) {
    this.root = newBox({ name, kind: 'process' });
  }

  /** Adds a number to a stack, outermost step first. Numbers that are not positive have no width. */
  add(steps: readonly Step[], value: number): void {
    if (!(value > 0)) return;
    let box = this.root;
    box.total += value;
    for (const step of steps) {
      const key = `${step.kind} ${step.name}`;
      let next = box.children.get(key);
      if (next === undefined) {
        if (this.#boxes >= MAX_BOXES) {
          this.cut += value;
          break;
        }
        next = newBox(step);
        box.children.set(key, next);
        this.#boxes++;
      }
      next.total += value;
      box = next;
    }
    box.self += value;
  }
}

function newBox({ name, kind, module }: Step): Box {
  return { name, kind, module, total: 0, self: 0, children: new Map() };
}
