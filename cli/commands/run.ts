/** `hansa run`: a command as a job, and `hansa submit`: a job file. */
import { randomUUID } from "node:crypto";
import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import { submitJob } from "../api/endpoints.ts";
import { type AccessOptions, type App, collect, does, sessionOf, wholeNumber, withAccess } from "../app.ts";
import { type AttachOptions, attach } from "../job/attach.ts";
import { parseJobFile } from "../job/file.ts";
import { eachItems, type RunOptions, specOf } from "../job/spec.ts";
import { readText } from "../readText.ts";

type Options = RunOptions & AttachOptions & AccessOptions;

export function addRun(program: Command, app: App): void {
  const command = program
    .command("run")
    .description("run a command as a job and stay with it")
    .usage("[options] -- COMMAND…")
    .argument("[command...]", "one word is a line for sh -c, several words are run as they are")
    .option("-n, --count <n>", "how many tasks", wholeNumber)
    .option("--each <file>", "one task for each line of the file (- is standard input): in HANSA_ITEM and as {}")
    .option("--name <name>", "what to call the job")
    .option("--role <role>", "the role it runs under")
    .option("--cpus <amount>", "cpus per task, e.g. 0.5")
    .option("--mem <amount>", "memory per task, e.g. 128MiB")
    .option("--resources <list>", "amounts per task, e.g. gpus=1,licences=2")
    .option("--clusters <list>", "only in these clusters, e.g. north,south")
    .option("--constraint <rule>", 'only on nodes like "arch = x64" (may be repeated)', collect)
    .option("--retry <n>", "more attempts for a task that fails", wholeNumber)
    .option("--timeout <time>", "how long an attempt may run, e.g. 10m")
    .option("--env <name=value>", "an environment variable (may be repeated)", collect)
    .option("--cwd <folder>", "the folder to run in; else a folder of the task's own")
    .option("-d, --detach", "only submit")
    .option("-y, --yes", "wait, without a question, for nodes that could run it")
    .showHelpAfterError(`(The job's command comes after --; all options: ${app.self} run --help)`)
    .addHelpText(
      "after",
      `
In the command's environment: HANSA_ITEM, HANSA_INDEX, HANSA_EPOCH, HANSA_NODE, HANSA_CLUSTER.
Ctrl-C leaves the job running, a second one cancels it.

  ${app.self} run --count 4 -- 'echo hi from $HANSA_NODE'
  find . -name '*.iso' | ${app.self} run --each - -- 'sha256sum {}'`,
    );
  does(app, withAccess(command), async (words: string[], options: Options) => {
    const session = sessionOf(app, options);
    const items = options.each === undefined ? null : eachItems(await readText(app.cwd, options.each), options.each);
    return attach(session, await submitJob(session.client, specOf(words, options, items), randomUUID()), options);
  });
}

export function addSubmit(program: Command, app: App): void {
  const command = program
    .command("submit")
    .description("submit a job file (YAML or JSON)")
    .argument("<file>", "the job file; - is standard input")
    .option("-w, --watch", "stay with it, as run does")
    .option("-y, --yes", "with --watch: wait, without a question, for nodes that could run it")
    .addHelpText(
      "after",
      `
only command is required:
  name: checksums
  each: files.txt            # a file beside this one, - or a list; or count: 40
  command: sha256sum {}
  resources: { cpus: 0.5, mem: 128MiB }`,
    );
  does(app, withAccess(command), async (path: string, options: AccessOptions & { watch?: boolean; yes?: boolean }) => {
    const session = sessionOf(app, options);
    const folder = path === "-" ? app.cwd : dirname(resolve(app.cwd, path));
    const body = await parseJobFile(await readText(app.cwd, path), path, (each) => readText(folder, each));
    const job = await submitJob(session.client, body, randomUUID());
    return attach(session, job, { detach: !options.watch, ...(options.yes && { yes: true }) });
  });
}
