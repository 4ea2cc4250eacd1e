/** What compiles in a container. */
export interface Builder {
  /** `podman`, `docker`, or the path of one of them. */
  program: string;
  /** The image with the compiler; the one of our Containerfile, made when it is missing, unless said. */
  image?: string;
  /** Takes what the engine writes while it gets or makes the image, which can last minutes. */
  progress?: (text: string) => void;
}
