/** `hansa plan`: where a job would run, and what would change if the league were otherwise. Nothing is submitted. */
import type { Command } from "commander";
import type { PlanRequestInput } from "../../src/model/planRequest.ts";
import { Problem } from "../../src/model/problems.ts";
import { isNever } from "../../src/model/reasons.ts";
import { planJob } from "../api/endpoints.ts";
import { type AccessOptions, type App, collect, does, sessionOf, withAccess } from "../app.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { addedNodes } from "../job/addNodes.ts";
import { jobBody } from "../job/file.ts";
import { planLines } from "../job/plan.ts";
import { printJson, type Session } from "../session.ts";

interface PlanOptions extends AccessOptions {
  withoutCluster?: string[];
  addNodes?: string[];
}

export function addPlan(program: Command, app: App): void {
  const command = program
    .command("plan")
    .description("say where a job would run and what it would cost others; nothing is submitted")
    .argument("[file]", "the job file; - is standard input. None: only what the others would have")
    .option("--without-cluster <name>", "as if this cluster were not there (may be repeated)", collect)
    .option("--add-nodes <n:shape>", "as if there were such nodes more (may be repeated)", collect)
    .addHelpText(
      "after",
      `
A SHAPE is amounts and attributes of one node, and where: cpus=8,mem=32GiB,gpus=4,arch=arm64@north/gpu.
Without @ they go to partition default of the first cluster that the job may use.

  ${app.self} plan job.yaml
  ${app.self} submit job.yaml --plan TOKEN          # just so, or not at all
  ${app.self} plan --without-cluster south
  ${app.self} plan job.yaml --add-nodes 2:cpus=8,mem=32GiB`,
    );
  does(app, withAccess(command), async (path: string | undefined, options: PlanOptions) => {
    const whatIf = whatIfOf(options);
    if (path === undefined && whatIf === null) {
      throw new Problem(
        "invalid-request",
        `name a job file, or what would change: ${app.self} plan job.yaml, or ${app.self} plan --without-cluster NAME`,
      );
    }
    const job = path === undefined ? null : await jobBody(app, path);
    const request = { ...(job && { job }), ...(whatIf && { whatIf }) };
    return showPlan(sessionOf(app, options), request, `${app.self} submit ${path} --plan TOKEN`);
  });
}

function whatIfOf({ withoutCluster, addNodes }: PlanOptions): PlanRequestInput["whatIf"] | null {
  if (withoutCluster === undefined && addNodes === undefined) return null;
  return {
    ...(withoutCluster && { withoutClusters: withoutCluster }),
    ...(addNodes && { addNodes: addNodes.map(addedNodes) }),
  };
}

/** @param submission how the job is submitted, with TOKEN for the plan's token */
export async function showPlan(session: Session, request: object, submission: string): Promise<ExitCode> {
  const { client, terminal, json, self } = session;
  const plan = await planJob(client, request);
  if (json) printJson(terminal, plan);
  else for (const line of planLines(plan, self, submission)) terminal.out(line);
  const why = plan.job?.startsNow === 0 ? plan.job.why : null;
  return why && isNever(why.reason) ? EXIT.neverRuns : EXIT.ok;
}
