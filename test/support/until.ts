const LOOK_MS = 10;

/** Waits for what tells nobody that it happened: a file, the end of another's process. The test's timeout bounds it. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}
