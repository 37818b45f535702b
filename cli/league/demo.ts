/**
 * The demo: one task a file checksums a directory tree over both clusters; what the tasks said is compared with what
 * checksums computed directly say.
 */
import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { JobView, TaskView } from "../../src/model/views.ts";
import { submitJob } from "../api/endpoints.ts";
import { collected, placeOf } from "../job/output.ts";
import { headLine, progressLine, summaryLine } from "../job/progress.ts";
import { watchJob } from "../job/watch.ts";
import type { Session } from "../session.ts";
import { plural } from "../show/figures.ts";
import { type Column, table } from "../show/table.ts";
import { demoTree, type Tree } from "./tree.ts";

interface Row {
  task: TaskView;
  file: string;
  said: string;
}

/** @returns whether everything was as it should be */
export async function demo(session: Session, signal: AbortSignal): Promise<boolean> {
  const tree = demoTree(process.getuid?.() === 0);
  try {
    return await checksum(session, tree, signal);
  } finally {
    tree.remove();
  }
}

async function checksum(session: Session, tree: Tree, signal: AbortSignal): Promise<boolean> {
  const { client, terminal } = session;
  const spec = {
    name: "checksums",
    command: "sha256sum {}",
    each: tree.files.map((file) => join(tree.root, file)),
  };
  const submitted = await submitJob(client, spec, randomUUID());
  terminal.out(`demo: ${plural(tree.files.length, "file")} of ${tree.root}, one task each`);
  terminal.out(headLine(submitted));
  const rows: Row[] = [];
  const job = await watchJob(
    client,
    submitted,
    {
      changed: ({ count, counts }) => terminal.live(progressLine(count, counts)),
      async ended(tasks) {
        for (const task of tasks)
          rows.push({ task, file: tree.files[task.index] ?? "", said: await saidBy(session, task) });
      },
    },
    signal,
  );
  terminal.live("");
  signal.throwIfAborted();
  rows.sort((a, b) => a.task.index - b.task.index);
  for (const line of table(rows, COLUMNS, null)) terminal.out(line);
  terminal.out(summaryLine(job));
  return compare(session, job, rows, await directSums(tree));
}

const COLUMNS: Column<Row>[] = [
  { title: "TASK", cell: ({ task }) => task.id },
  { title: "NODE", cell: ({ task }) => placeOf(task) },
  { title: "MS", cell: ({ task }) => String(Math.round(task.attempts.at(-1)?.ranMs ?? 0)), align: "right" },
  { title: "FILE", cell: ({ file }) => file },
];

const saidBy = async ({ client }: Session, task: TaskView): Promise<string> =>
  new TextDecoder().decode(await collected(client, task, "stdout"));

function compare({ terminal }: Session, job: JobView, rows: readonly Row[], sums: DirectSums): boolean {
  const wrong = rows.filter(({ file, said }) => said.split(" ")[0] !== sums.of.get(file));
  for (const { task, file, said } of wrong) {
    terminal.out(`differs: ${task.id} ${file}: "${said.trim()}" instead of ${sums.of.get(file) ?? "nothing"}`);
  }
  const right = rows.length - wrong.length;
  terminal.out(`${right} of ${sums.of.size} checksums equal what ${sums.by} says directly`);
  return job.state === "succeeded" && wrong.length === 0 && rows.length === sums.of.size;
}

interface DirectSums {
  by: string;
  /** file → checksum */
  of: Map<string, string>;
}

async function directSums({ root, files }: Tree): Promise<DirectSums> {
  try {
    const { stdout } = await promisify(execFile)("sha256sum", ["--", ...files], { cwd: root });
    const lines = stdout.trimEnd().split("\n");
    return { by: "sha256sum", of: new Map(files.map((file, i) => [file, lines[i]?.split(" ")[0] ?? ""])) };
  } catch {
    const sum = (file: string) =>
      createHash("sha256")
        .update(readFileSync(join(root, file)))
        .digest("hex");
    return { by: "Node's own SHA-256", of: new Map(files.map((file) => [file, sum(file)])) };
  }
}
