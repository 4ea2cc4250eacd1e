// What `skep run` starts from. The bundle makes one file of it and what it may need, and leaves out the other commands
// (scripts/bundle.ts).
export { main } from './cli.ts';
