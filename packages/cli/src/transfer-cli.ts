// What `skep push` and `skep pull` start from. The bundle makes one file of it and what these two need, and leaves
// out the other commands (scripts/bundle.ts).
export { main } from './cli.ts';
