// What only runs with stacks need: `import('@skep/bpf/symbols')` when there are some.
export { frameName, frameText } from './frame-text.ts';
export type { SeenProcess } from './process.ts';
export { type SymbolOptions, Symbols } from './symbols.ts';
export type { Frame, FrameKind } from './types.ts';
