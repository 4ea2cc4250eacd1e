export type { RecordLimits } from './records.ts';
export type { ColorDepth } from './style.ts';
export type { ViewInput, ViewOutput } from './terminal.ts';
export { TerminalView, type TerminalViewOptions } from './view.ts';
