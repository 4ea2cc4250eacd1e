export { type ContainerPart, type ContainerSettings, putContainer } from './image.ts';
export { type Layer, type LayerFile, putLayer } from './layer.ts';
