/** Images: pulled when they are missing, never when they are there; and whose fault it is when that fails. */
import type { Log } from "../log.ts";
import { type DockerApi, DockerError } from "./api.ts";

/** Of a whole pull. */
const PULL_MS = 15 * 60_000;

/** Without a tag the API would pull them all. */
export function pullQuery(image: string): Record<string, string> {
  if (image.includes("@")) return { fromImage: image };
  const slash = image.lastIndexOf("/");
  const colon = image.indexOf(":", slash + 1);
  return colon < 0
    ? { fromImage: image, tag: "latest" }
    : { fromImage: image.slice(0, colon), tag: image.slice(colon + 1) };
}

export class PullError extends Error {
  readonly nodeFault: boolean;
  constructor(image: string, words: string) {
    super(`image ${image} can't be pulled: ${words}`);
    this.nodeFault = isNodeFault(words);
  }
}

/** The registry did not answer this node, or had enough of it; another one may have more luck. */
const NODE_FAULT =
  /dial tcp|connection refused|no such host|timeout|timed out|unreachable|TLS|x509|EOF|reset by peer|toomanyrequests|too many requests|rate limit|no space left|5\d\d (internal|bad gateway|service|gateway)|not within/i;
export const isNodeFault = (words: string): boolean => NODE_FAULT.test(words);

/** What a line of a pull's progress says went wrong. */
export function pullFailure(line: string): string | null {
  if (line.trim() === "") return null;
  try {
    const { error, errorDetail } = JSON.parse(line);
    const words = errorDetail?.message ?? error;
    return typeof words === "string" ? words.trim() : null;
  } catch {
    return null;
  }
}

/** @throws PullError, or what the signal was aborted with */
export async function ensureImage(api: DockerApi, image: string, signal: AbortSignal, log: Log): Promise<void> {
  if ((await api.find({ method: "GET", path: `/images/${image}/json`, signal })) !== null) return;
  log("info", `image ${image} is not here: pulling it`);
  const startedMs = performance.now();
  const late = AbortSignal.timeout(PULL_MS);
  const either = AbortSignal.any([signal, late]);
  try {
    const response = await api.stream({
      ...{ method: "POST", path: "/images/create", query: pullQuery(image), deadlineMs: null, signal: either },
    });
    let rest = "";
    for await (const chunk of response) {
      const lines = `${rest}${chunk}`.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) failOn(image, line);
    }
    failOn(image, rest);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PullError) throw error;
    if (late.aborted) throw new PullError(image, `not within ${PULL_MS / 60_000} min`);
    throw error instanceof DockerError ? new PullError(image, error.message) : error;
  }
  log("info", `image ${image} is here after ${Math.round((performance.now() - startedMs) / 1000)} s`);
}

function failOn(image: string, line: string): void {
  const words = pullFailure(line);
  if (words !== null) throw new PullError(image, words);
}
