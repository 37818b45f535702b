/** `hansa drain` and `hansa undrain`: a node or a cluster made empty, and used again. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { Problem } from "../../src/model/problems.ts";
import type { ClusterDrainView, NodeView } from "../../src/model/views.ts";
import {
  type DrainRequest,
  drainCluster,
  drainNode,
  getDrain,
  getNode,
  undrainCluster,
  undrainNode,
} from "../api/endpoints.ts";
import { type AccessOptions, type App, does, sessionOf, withAccess } from "../app.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { interrupts } from "../job/interrupts.ts";
import { printJson, type Session } from "../session.ts";
import { drainText } from "../show/drain.ts";

const LOOK_EVERY_MS = 1_000;

interface DrainOptions extends AccessOptions {
  deadline?: string;
  for?: string;
  wait?: boolean;
}

/** A node, or a cluster as a whole. */
interface Target {
  /** as it was typed */
  name: string;
  what: "node" | "cluster";
  drain(request: DrainRequest): Promise<Drained>;
  undrain(): Promise<Drained>;
  look(): Promise<Drained>;
}
type Drained = NodeView | ClusterDrainView;

export function addDrain(program: Command, app: App): void {
  const drain = program
    .command("drain")
    .description("make a node or a cluster empty: what runs there moves, or is stopped at the deadline")
    .argument("<cluster[/node]>", "like north/n1, or north for the whole cluster")
    .option("--deadline <time>", "what runs may go on for so long; 0s: stop it now (default: 10m)")
    .option("--for <time>", "use it again by itself so long after the deadline; else when undrained")
    .option("--wait", "stay until it is empty (the default)")
    .option("--no-wait", "do not wait until it is empty");
  does(app, withAccess(drain), async (typed: string, options: DrainOptions) => {
    const session = sessionOf(app, options);
    const target = targetOf(session, typed);
    const request = {
      ...(options.deadline !== undefined && { deadline: options.deadline }),
      ...(options.for !== undefined && { for: options.for }),
    };
    const begun = await target.drain(request);
    if (options.wait ?? true) return waitUntilEmpty(session, target, begun);
    tell(session, target, begun);
    return EXIT.ok;
  });
}

export function addUndrain(program: Command, app: App): void {
  const undrain = program
    .command("undrain")
    .description("use a drained node or cluster again")
    .argument("<cluster[/node]>", "like north/n1, or north for the whole cluster");
  does(app, withAccess(undrain), async (typed: string, options: AccessOptions) => {
    const session = sessionOf(app, options);
    const target = targetOf(session, typed);
    const now = await target.undrain();
    tell(session, target, now);
    const [cluster] = typed.split("/");
    if (now.drain !== null)
      session.terminal.note(`its cluster is drained as a whole; end that: ${session.self} undrain ${cluster}`);
    return EXIT.ok;
  });
}

function targetOf({ client }: Session, typed: string): Target {
  const [cluster, node, more] = typed.split("/");
  if (!cluster || node === "" || more !== undefined) {
    throw new Problem(
      "invalid-request",
      `"${typed}" names neither a node nor a cluster; write it like north/n1, or north. List them: hansa nodes`,
    );
  }
  if (node === undefined) {
    return {
      name: typed,
      what: "cluster",
      drain: (request) => drainCluster(client, cluster, request),
      undrain: () => undrainCluster(client, cluster),
      look: () => getDrain(client, cluster),
    };
  }
  return {
    name: typed,
    what: "node",
    drain: (request) => drainNode(client, cluster, node, request),
    undrain: () => undrainNode(client, cluster, node),
    look: () => getNode(client, cluster, node),
  };
}

/** Ctrl-C ends the waiting and not the drain; what waits for this command goes on only when it is empty. */
async function waitUntilEmpty(session: Session, target: Target, begun: Drained): Promise<ExitCode> {
  const { terminal, self } = session;
  const presses = interrupts();
  let told = "";
  try {
    for (let now = begun; ; now = await target.look()) {
      if (now.drain === null) {
        terminal.live("");
        terminal.note(`the drain of ${target.name} was ended`);
        return EXIT.taskFailed;
      }
      if (now.drain.left === 0) {
        terminal.live("");
        tell(session, target, now);
        return EXIT.ok;
      }
      const line = progressLine(target, now);
      terminal.live(line);
      // Without a terminal only what changes but the time is worth a line.
      const news = `${now.state} ${now.drain.left}`;
      if (!terminal.interactive && news !== told) terminal.note(line);
      told = news;
      await sleep(LOOK_EVERY_MS, undefined, { signal: presses.first }).catch(() => {});
      if (presses.first.aborted) {
        terminal.live("");
        terminal.note(`the drain goes on. Look: ${self} nodes; end it: ${self} undrain ${target.name}`);
        return EXIT.taskFailed;
      }
    }
  } finally {
    presses.release();
  }
}

function progressLine({ name, what }: Target, now: Drained): string {
  const silent = "silent" in now ? now.silent : now.state === "suspect" ? [now.name] : [];
  const waits = silent.length === 0 ? "" : `; silent: ${silent.join(", ")}, waited for as their jobs say`;
  return `${what} ${name} is draining: ${drainText(now.drain, Date.now())}${waits}`;
}

function tell({ terminal, json }: Session, { name, what }: Target, now: Drained): void {
  if (json) {
    printJson(terminal, now);
    return;
  }
  const text = drainText(now.drain, Date.now());
  terminal.out(`${what} ${name} is ${now.state}${text && `: ${text}`}`);
}
