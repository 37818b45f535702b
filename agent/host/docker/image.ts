/** Images: pulled when they are missing, and when they are there only for a job that wants it so. */
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../files.ts";
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

/** The task's fault as far as the cluster is told: what is wrong with the name of an image never gets better. */
export class PullError extends Error {
  constructor(image: string, words: string) {
    super(`image ${image} can't be pulled: ${words}`);
  }
}

/** The registry did not answer, or had enough of us: it may yet. */
const PASSING =
  /dial tcp|connection refused|no such host|timeout|timed out|unreachable|EOF|reset by peer|toomanyrequests|too many requests|50\d /i;
export const mayPass = (words: string): boolean => PASSING.test(words);
/** Before each further try. */
const TRY_AGAIN_MS = [1000, 4000];

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
export async function ensureImage(
  api: DockerApi,
  image: string,
  force: boolean,
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  if (!force && (await api.find({ method: "GET", path: `/images/${image}/json`, signal })) !== null) return;
  log("info", force ? `pulling image ${image}, as its job wants` : `image ${image} is not here: pulling it`);
  const startedMs = performance.now();
  const late = AbortSignal.timeout(PULL_MS);
  const either = AbortSignal.any([signal, late]);
  try {
    for (const waitMs of [...TRY_AGAIN_MS, null]) {
      try {
        await pull(api, image, either);
        break;
      } catch (error) {
        either.throwIfAborted();
        if (waitMs === null || !mayPass(messageOf(error))) throw error;
        log("warn", `${messageOf(error)}; once more in ${waitMs / 1000} s`);
        await sleep(waitMs, undefined, { signal: either });
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    if (late.aborted) throw new PullError(image, `not within ${PULL_MS / 60_000} min`);
    throw error instanceof DockerError && error.status !== null ? new PullError(image, error.message) : error;
  }
  log("info", `image ${image} is here after ${Math.round((performance.now() - startedMs) / 1000)} s`);
}

/** Its failure may come with its status, or late in its progress. */
async function pull(api: DockerApi, image: string, signal: AbortSignal): Promise<void> {
  const query = pullQuery(image);
  const response = await api.stream({ method: "POST", path: "/images/create", query, deadlineMs: null, signal });
  let rest = "";
  for await (const chunk of response) {
    const lines = `${rest}${chunk}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) failOn(image, line);
  }
  failOn(image, rest);
}

function failOn(image: string, line: string): void {
  const words = pullFailure(line);
  if (words !== null) throw new PullError(image, words);
}
