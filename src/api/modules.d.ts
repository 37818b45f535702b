/** What scripts/build.ts puts into the Worker's bundle beside its own code. */

/** The agent's bundle, byte for byte. */
declare module "hansa/agent-bytes" {
  const bytes: ArrayBuffer;
  export default bytes;
}

/** Its sha256 in hex, known when the Worker is built. */
declare module "hansa/agent-sha256" {
  const sha256: string;
  export default sha256;
}

declare module "*.sh" {
  const text: string;
  export default text;
}
