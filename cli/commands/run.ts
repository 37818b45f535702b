/** `hansa run`: a command as a job, and `hansa submit`: a job file. */
import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import { Problem } from "../../src/model/problems.ts";
import type { JobView } from "../../src/model/views.ts";
import { submitJob } from "../api/endpoints.ts";
import { type AccessOptions, type App, collect, does, sessionOf, wholeNumber, withAccess } from "../app.ts";
import { type AttachOptions, attach } from "../job/attach.ts";
import { jobBody } from "../job/file.ts";
import { eachItems, type RunOptions, specOf } from "../job/spec.ts";
import { readText } from "../readText.ts";
import type { Session } from "../session.ts";
import { showPlan } from "./plan.ts";

/** `plan` without a token: only plan it. */
type Options = RunOptions & AttachOptions & AccessOptions & { plan?: string | true };

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
    .option(
      "--gang [size]",
      "start all of them together, or so many at a time; in one partition, or not at all",
      wholeNumber,
    )
    .option("--retry <n>", "more attempts for a task that fails", wholeNumber)
    .option("--timeout <time>", "how long an attempt may run, e.g. 10m")
    .option("--env <name=value>", "an environment variable (may be repeated)", collect)
    .option("--cwd <folder>", "the folder to run in; else a folder of the task's own")
    .option("--driver <name>", "how a node runs it: process (default), sandbox or docker")
    .option("--image <image>", "in a container of this image, with driver docker")
    .option("--plan [token]", "only say where it would run; with the token of that, run it just so or not at all")
    .option("-d, --detach", "only submit")
    .option("-y, --yes", "wait, without a question, for nodes that could run it")
    .showHelpAfterError(`(The job's command comes after --; all options: ${app.self} run --help)`)
    .addHelpText(
      "after",
      `
In the command's environment: HANSA_ITEM, HANSA_INDEX, HANSA_EPOCH, HANSA_NODE, HANSA_CLUSTER;
with --gang also HANSA_GANG, HANSA_GANG_SIZE and HANSA_GANG_RANK.
Ctrl-C leaves the job running, a second one cancels it.

  ${app.self} run --count 4 -- 'echo hi from $HANSA_NODE'
  find . -name '*.iso' | ${app.self} run --each - -- 'sha256sum {}'`,
    );
  does(app, withAccess(command), async (words: string[], options: Options) => {
    const session = sessionOf(app, options);
    const items = options.each === undefined ? null : eachItems(await readText(app.cwd, options.each), options.each);
    const spec = specOf(words, options, items);
    const { plan } = options;
    if (plan === true) return showPlan(session, { job: spec }, `${app.self} run --plan TOKEN …, the rest as it was`);
    return attach(session, await submit(session, spec, plan), options);
  });
}

/** @param plan the token of a plan that it must follow */
async function submit(session: Session, spec: object, plan: string | undefined): Promise<JobView> {
  const body = plan === undefined ? spec : { ...spec, plan };
  return submitJob(session.client, body, randomUUID()).catch((error) => {
    throw withNextStep(error, session.self);
  });
}

/** The plan as it is now is a token away. */
function withNextStep(error: unknown, self: string): unknown {
  const token = error instanceof Problem && error.code === "plan-changed" ? error.extra.data?.plan : undefined;
  if (!(error instanceof Problem) || token === undefined) return error;
  const next = `Nothing was submitted. Look at it again: ${self} plan; or take it as it is now: --plan ${token}`;
  return new Problem(error.code, `${error.detail}\n${next}`, error.extra);
}

export function addSubmit(program: Command, app: App): void {
  const command = program
    .command("submit")
    .description("submit a job file (YAML or JSON)")
    .argument("<file>", "the job file; - is standard input")
    .option("-w, --watch", "stay with it, as run does")
    .option("--plan <token>", `just as a plan has told, or not at all: ${app.self} plan FILE`)
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
  does(app, withAccess(command), async (path: string, options: SubmitOptions) => {
    const session = sessionOf(app, options);
    const job = await submit(session, await jobBody(app, path), options.plan);
    return attach(session, job, { detach: !options.watch, ...(options.yes && { yes: true }) });
  });
}

interface SubmitOptions extends AccessOptions {
  watch?: boolean;
  yes?: boolean;
  plan?: string;
}
