/** An agent of a test: what is shipped as a process, with folders of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentCommand } from "../support/agentUnderTest.ts";
import { cleanEnvironment, lives, processesOf, until } from "./processes.ts";

/** Tasks of an agent that is root run as another user, who must be able to pass. */
const PASSABLE_MODE = 0o711;

export interface AgentPlan {
  cluster: string;
  name: string;
  url: string;
  joinToken: string;
  cpus: number;
  mem: string;
  /** first and last that its tasks may be given */
  ports: string;
  /** further words of its command line */
  words: readonly string[];
  /** which agent; else the one under test */
  program?: string;
}

export class AgentProcess {
  readonly plan: AgentPlan;
  readonly root: string;
  readonly data: string;
  readonly run: string;
  #child: ChildProcess | null = null;

  constructor(leagueRoot: string, plan: AgentPlan) {
    this.plan = plan;
    this.root = join(leagueRoot, `${plan.cluster}-${plan.name}`);
    this.data = join(this.root, "data");
    this.run = join(this.root, "run");
    mkdirSync(this.root);
    chmodSync(this.root, PASSABLE_MODE);
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`agent ${this.plan.name} does not run`);
    return pid;
  }

  get log(): string {
    return readFileSync(join(this.root, "agent.log"), "utf8");
  }

  /** @param extra.boot what its machine calls this boot, if not what it is */
  start(extra: { url?: string; nodeWords?: readonly string[]; boot?: string } = {}): void {
    const { name, url, joinToken, cpus, mem, ports, words } = this.plan;
    const log = openSync(join(this.root, "agent.log"), "a");
    const command = agentCommand(this.plan.program, extra.nodeWords);
    const [program, ...first] = extra.boot === undefined ? command : [...this.#inBoot(extra.boot), ...command];
    this.#child = spawn(
      program,
      [
        ...first,
        ...["run", "--data", this.data, "--run-dir", this.run, "--url", extra.url ?? url, "--name", name],
        ...["--cpus", String(cpus), "--mem", mem, "--ports", ports, ...words],
      ],
      { stdio: ["ignore", log, log], detached: true, env: { ...cleanEnvironment(), HANSA_AGENT_TOKEN: joinToken } },
    );
    closeSync(log);
  }

  #inBoot(id: string): [string, ...string[]] {
    const file = join(this.root, `boot-${id}`);
    writeFileSync(file, `${id}\n`);
    const script = `mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"`;
    return ["unshare", "--mount", "sh", "-c", script, file];
  }

  /** Everything of it is dead at once, and what was in memory is gone. */
  async cutPower(): Promise<void> {
    const pids = processesOf(this.root);
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await until("nothing of it runs", () => !pids.some(lives));
    rmSync(this.run, { recursive: true, force: true });
  }

  /** @returns its exit code when it has ended by itself */
  async ended(): Promise<number | null> {
    const child = this.#child;
    if (child && child.exitCode === null && child.signalCode === null) await once(child, "exit");
    return child?.exitCode ?? null;
  }

  /** Of the agent alone: its guard and its tasks go on. @returns when it is dead */
  async kill(name: NodeJS.Signals = "SIGKILL"): Promise<number | null> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const end = once(child, "exit");
    child.kill(name);
    await end;
    return child.exitCode;
  }

  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  /** Everything of this node that lives: agent, guard, tasks. */
  get pids(): number[] {
    return processesOf(this.root).filter(lives);
  }
}
