/** Runs workerd over the Worker's bundle, keeps it running, and knows when it answers. */
import { accessSync, constants, readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { Problem } from "../../src/model/problems.ts";
import { agentModule, solverWasm, workerBundle, workerdBinary } from "../installation.ts";
import { capnpConfig } from "./capnp.ts";
import { Child, type ChildEnd, endText, restartPauseMs } from "./child.ts";
import { createFolders, type DataFolder, PRIVATE_FILE_MODE, readGeneration } from "./dataFolder.ts";
import { writeFileWhole } from "./files.ts";
import { freePort, type Listen, listenText, localUrl } from "./listen.ts";

export interface BrokerPlan {
  data: DataFolder;
  listen: Listen;
  /** absolute paths of PEM files */
  tls: { certificate: string; key: string } | null;
  secret: string;
  /** still verifies tokens after the secret was changed */
  previousSecret: string | null;
  /** base URL of compiled agents, for new nodes; null: they take the bundle */
  agentUrl: string | null;
  /** variables of the Mesos API */
  mesos: Record<string, string>;
  jsonLogs: boolean;
  /** where workerd's own messages go; null: to our stderr */
  log: string | null;
}

export interface BrokerEvents {
  /** whenever its process is another one */
  spawned(): void;
  died(how: string, againInMs: number): void;
  /** it answers again after it had ended */
  back(): void;
}

const READY_TIMEOUT_MS = 20_000;
const READY_LOOK_MS = 20;
/** Everything is on disk when it is answered; only held requests are cut. */
export const BROKER_GRACE_MS = 1000;
const LAST_LINES = 8;

function childOf(plan: BrokerPlan, owner: { started(): void; ended(end: ChildEnd): number | null }): Child {
  const { data, listen, tls, secret, previousSecret, agentUrl, mesos, jsonLogs, log } = plan;
  const variables: Record<string, string> = {
    HANSA_SECRET: secret,
    HANSA_GENERATION: String(readGeneration(data)),
    ...(previousSecret !== null && { HANSA_SECRET_PREVIOUS: previousSecret }),
    ...(agentUrl !== null && { AGENT_URL: agentUrl }),
    ...mesos,
  };
  const config = capnpConfig({
    listen: listenText(listen),
    tls,
    bundle: workerBundle(),
    wasm: solverWasm(),
    agent: agentModule(),
    objects: data.objects,
    variables: Object.keys(variables),
    jsonLogs,
  });
  createFolders(data);
  writeFileWhole(data.config, config, PRIVATE_FILE_MODE);
  const words = ["serve", "--import-path=/", data.config];
  return new Child({ program: workerdBinary(), words, env: { PATH: process.env.PATH, ...variables }, log }, owner);
}

export class Broker {
  readonly url: string;
  private readonly plan: BrokerPlan;
  private readonly events: BrokerEvents;
  private readonly child: Child;
  private ready = false;
  private restarting = false;
  private failed: ChildEnd | null = null;

  constructor(plan: BrokerPlan, events: BrokerEvents) {
    for (const file of plan.tls ? [plan.tls.certificate, plan.tls.key] : []) mustBeReadable(file);
    this.plan = plan;
    this.events = events;
    this.url = localUrl(plan.listen, plan.tls !== null);
    this.child = childOf(plan, { started: () => events.spawned(), ended: (end) => this.ended(end) });
  }

  get pid(): number | null {
    return this.child.pid;
  }

  /** @throws Problem when it does not come up; then nothing of it runs */
  async start(signal: AbortSignal): Promise<void> {
    const { listen } = this.plan;
    // else whoever listens there would be taken for this one
    if ((await freePort(listen)) === null) {
      throw new Problem(
        "conflict",
        `${listenText(listen)} is busy: another program listens there. Name another: --listen`,
      );
    }
    this.child.start();
    try {
      await this.answers(signal);
      this.ready = true;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  private async answers(signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    while (!(await isHealthy(this.url))) {
      signal.throwIfAborted();
      if (this.failed) throw this.problem(`the broker did not start: workerd ended with ${endText(this.failed)}`);
      if (performance.now() - startedAt > READY_TIMEOUT_MS)
        throw this.problem("the broker started but does not answer");
      await sleep(READY_LOOK_MS);
    }
  }

  private problem(detail: string): Problem {
    const { log } = this.plan;
    if (log === null) return new Problem("unavailable", `${detail}; its messages are above`);
    const last = readFileSync(log, "utf8").trimEnd().split("\n").slice(-LAST_LINES);
    return new Problem("unavailable", `${detail}. The end of ${log}:\n${last.map((line) => `  ${line}`).join("\n")}`);
  }

  private ended(end: ChildEnd): number | null {
    if (!this.ready) {
      this.failed = end;
      return null;
    }
    const pauseMs = this.restarting ? 0 : restartPauseMs(end.quickEnds);
    if (!this.restarting) this.events.died(endText(end), pauseMs);
    this.restarting = false;
    void this.tellWhenBack();
    return pauseMs;
  }

  private async tellWhenBack(): Promise<void> {
    const startedAt = performance.now();
    do await sleep(READY_LOOK_MS);
    while (!(await isHealthy(this.url)) && performance.now() - startedAt < READY_TIMEOUT_MS);
    if (this.child.pid !== null) this.events.back();
  }

  /** Ends workerd so that it starts anew with the files as they are now (bundle, certificate). */
  restart(): void {
    if (!this.ready) return;
    this.restarting = true;
    this.child.signal("SIGTERM");
  }

  stop(graceMs = BROKER_GRACE_MS): Promise<void> {
    return this.child.stop(graceMs);
  }
}

function mustBeReadable(path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch {
    throw new Problem("invalid-request", `${path} can't be read by this user. It wants a PEM file`);
  }
}

/** Whether a broker answers there; its certificate is not looked at, it need not be made for this name. */
function isHealthy(url: string): Promise<boolean> {
  const request = url.startsWith("https:") ? httpsRequest : httpRequest;
  return new Promise((resolve) => {
    const asked = request(`${url}/healthz`, { rejectUnauthorized: false, agent: false, timeout: 2000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.once("timeout", () => asked.destroy());
    asked.once("error", () => resolve(false));
    asked.end();
  });
}
