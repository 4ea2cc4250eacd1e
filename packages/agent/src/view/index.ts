export { AgentRun } from './run.ts';
