// What `skep agent` starts from: one file of the bundle with all that it needs, and no other command (scripts/bundle.ts).
export { main } from './cli.ts';
