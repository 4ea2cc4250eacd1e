import { native } from './native.ts';

/**
 * Begins to read the kernel's types on a thread, for the objects that are loaded next: 10 to 20 ms which then pass while
 * JavaScript is still starting. A module of its own, so that a program can call it before it reads the rest of this
 * package. What goes wrong is told by `load()`, which reads them itself then.
 */
export function readKernelTypesAhead(): void {
  void native().kernelTypesAhead();
}
