/**
 * One node of the local league: the agent as a process of its own, kept running. Only an agent can end its tasks and
 * its guard, so it is ended only when it is up; when there is no time for that, they are killed by what it said last.
 */
import { execFile } from "node:child_process";
import { chmodSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { z } from "zod";
import { Child, type ChildEnd, endText, killGroup, restartPauseMs } from "../broker/child.ts";
import type { Say } from "../broker/say.ts";
import { agentBundle } from "../installation.ts";
import { when } from "../job/interrupts.ts";
import type { NodePlan } from "./plan.ts";

/** The agent's exit codes that another start would not change: removed or refused, and wrong usage. */
const FINAL = new Set([5, 64]);
/** Tasks run as another user, who must be able to pass. */
const PASSABLE_MODE = 0o711;
/** How long an agent that is ended early may take to come up first. */
const UP_TIMEOUT_MS = 8000;
/** How long it may take, once its tasks are killed, to leave. */
const CLEAN_UP_MS = 4000;
const LOOK_MS = 50;

const statusSchema = z.object({
  pid: z.number(),
  guard: z.object({ pid: z.number().nullable() }),
  attempts: z.array(z.object({ pid: z.number().nullable() })),
});
type Status = z.infer<typeof statusSchema>;

export interface NodeRun {
  url: string;
  /** lets the agent join; it is of no use once the node has its identity */
  joinToken: string;
  env: NodeJS.ProcessEnv;
  say: Say;
  /** its process is another one */
  changed(): void;
}

export class Node {
  private readonly plan: NodePlan;
  private readonly run: NodeRun;
  private readonly child: Child;
  private gaveUp = false;

  constructor(plan: NodePlan, run: NodeRun) {
    this.plan = plan;
    this.run = run;
    const { data, node, cpus, memMib, ports, log } = plan;
    const words = [
      ...[agentBundle(), "run", "--data", data, "--url", run.url, "--name", node],
      ...["--cpus", String(cpus), "--mem", `${memMib}MiB`, "--ports", ports, "--stop-tasks-on-exit"],
    ];
    const owner = { started: run.changed, ended: (end: ChildEnd) => this.ended(end) };
    this.child = new Child({ program: process.execPath, words, env: this.env(), log }, owner);
  }

  /** The token is not among the words: any user can read those. */
  private env(): NodeJS.ProcessEnv {
    return { ...this.run.env, HANSA_AGENT_TOKEN: this.run.joinToken };
  }

  get pid(): number | null {
    return this.child.pid;
  }

  start(): void {
    const folder = dirname(this.plan.data);
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, PASSABLE_MODE);
    this.child.start();
  }

  /** Tells the agent where the broker is now: it keeps to the address it joined at. It stays the node it was. */
  async move(): Promise<void> {
    const { data, node } = this.plan;
    const words = [agentBundle(), "join", "--data", data, "--url", this.run.url, "--name", node];
    await promisify(execFile)(process.execPath, words, { env: this.env() });
  }

  private ended(end: ChildEnd): number | null {
    const { cluster, node, log } = this.plan;
    const name = `${cluster}/${node}`;
    if (end.code !== null && FINAL.has(end.code)) {
      this.gaveUp = true;
      this.run.say("node-gave-up", `node ${name} ended for good; its log says why: ${log}`, { node: name });
      return null;
    }
    const sentence = `the agent of node ${name} ended unexpectedly (${endText(end)}); it is started again`;
    this.run.say("node-died", sentence, { node: name, how: endText(end) });
    return restartPauseMs(end.quickEnds);
  }

  /** @param hurry tasks get no grace any more */
  async stop(hurry: AbortSignal): Promise<void> {
    if (this.gaveUp) return;
    // one that has just died left tasks and guard behind: the next one takes them over and ends them
    if (this.child.pid === null) this.child.start();
    await this.up(hurry);
    let killed = Promise.resolve();
    when(hurry, () => {
      killed = this.kill();
    });
    await this.child.stop(null);
    await killed;
  }

  private async up(hurry: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    while (!hurry.aborted && !this.gaveUp && performance.now() - startedAt < UP_TIMEOUT_MS) {
      if ((await this.status())?.pid === this.child.pid) return;
      await sleep(LOOK_MS);
    }
  }

  /** The tasks first: an agent that sees them ended cleans up behind them, and ends its guard and itself. */
  private async kill(): Promise<void> {
    const status = await this.status();
    for (const { pid } of status?.attempts ?? []) killGroup(pid);
    const startedAt = performance.now();
    while (this.child.pid !== null && performance.now() - startedAt < CLEAN_UP_MS) await sleep(LOOK_MS);
    if (this.child.pid === null) return;
    killGroup(this.child.pid);
    killGroup(status?.guard.pid ?? null);
  }

  /** What the agent says of itself; null while none answers. */
  private async status(): Promise<Status | null> {
    try {
      const words = [agentBundle(), "status", "--json", "--data", this.plan.data];
      const { stdout } = await promisify(execFile)(process.execPath, words, { env: this.run.env });
      return statusSchema.parse(JSON.parse(stdout));
    } catch {
      return null;
    }
  }
}
