export { main } from './cli.ts';
export { buildProgram, loadCommand } from './program.ts';
export { version } from './version.ts';
