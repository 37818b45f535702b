/**
 * A container's output on its way from the daemon's log into the attempt's files. The daemon keeps all of it until the
 * container is removed, so after any break it is read from the start again, less what the files hold already, or held
 * before it was cut.
 */
import { closeSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { PRIVATE_FILE_MODE, writeWhole } from "../files.ts";
import { droppedFrom } from "../outputs.ts";
import { STREAMS, type Stream } from "../process/output.ts";
import type { DockerApi } from "./api.ts";
import { Frames } from "./frames.ts";

/** @param follow until the container is over; else what there is now @throws when it broke off */
export async function copyOutput(
  api: DockerApi,
  container: string,
  folder: string,
  follow: boolean,
  signal: AbortSignal,
): Promise<void> {
  const response = await api.stream({
    method: "GET",
    path: `/containers/${container}/logs`,
    query: { stdout: "1", stderr: "1", ...(follow && { follow: "1" }) },
    signal,
  });
  const files: number[] = [];
  const open = (stream: Stream) => {
    const path = join(folder, stream);
    const fd = openSync(path, "a", PRIVATE_FILE_MODE);
    files.push(fd);
    return { fd, skip: statSync(path).size + droppedFrom(path) };
  };
  try {
    const [stdout, stderr] = STREAMS.map(open);
    if (!stdout || !stderr) return;
    const targets = { stdout, stderr };
    const frames = new Frames();
    for await (const chunk of response) {
      for (const { stream, bytes } of frames.push(chunk)) {
        const target = targets[stream];
        const known = Math.min(target.skip, bytes.length);
        target.skip -= known;
        writeWhole(target.fd, bytes.subarray(known));
      }
    }
  } finally {
    response.destroy();
    for (const fd of files) closeSync(fd);
  }
}
