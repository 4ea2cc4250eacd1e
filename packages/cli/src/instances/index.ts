export { OwnInstance } from './instance.ts';
export { type Launch, launch } from './launch.ts';
export { placesOf } from './places.ts';
export { readRunList } from './run-list.ts';
