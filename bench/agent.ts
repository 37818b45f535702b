/**
 * `npm run bench:agent -- --polls 200000 --starts 15 --tasks 3000`: what a node pays for its agent, as it is shipped
 * (`HANSA_AGENT=PATH` for another artifact). The broker is a stub in this process; so the rate of tasks has both on the
 * same processors.
 *
 * `idle_bytes_per_day` are bytes that TCP carries, both ways, over TLS: one exchange of a steady poll and one connection
 * are counted in a relay, and so is a ping of the wake socket; a day has 96 polls (one in 900 s, each on a connection of
 * its own) and a ping each 90 s with the socket, else a poll each 25 s and a new connection each 900 s.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hostTarget } from "../scripts/bun.ts";
import { buildExecutable } from "../scripts/executable.ts";
import { chosenAgent } from "../test/support/agentUnderTest.ts";
import { childrenOf, cpuMs, rssMib } from "../test/system/processes.ts";
import { BenchNode } from "./agent/node.ts";
import { Relay } from "./agent/relay.ts";
import { StubBroker } from "./agent/stubBroker.ts";
import { type Figures, numbers, printLine, progress, rounded, spread } from "./line.ts";

const MIB = 1024 * 1024;
const DAY_S = 86_400;
const REST_S = 900;
const HOLD_S = 25;
/** The agent pings after 60 to 120 s without a word. */
const PING_S = 90;
/** Tasks that the stub has handed out and not heard of. */
const AT_ONCE = 16;
const EXCHANGES = 200;
const SETTLE_MS = 3_000;

const { polls, starts, tasks, pings, seed } = numbers({
  polls: 200_000,
  starts: 15,
  tasks: 3_000,
  pings: 1,
  seed: 1,
});
const startedAtMs = performance.now();
const folder = mkdtempSync(join(tmpdir(), "hansa-bench-agent-"));

async function withBroker<T>(work: (broker: StubBroker) => Promise<T>, tls = false): Promise<T> {
  const pem = (name: string) => readFileSync(join(folder, name));
  const broker = new StubBroker(tls ? { key: pem("key.pem"), cert: pem("cert.pem") } : null);
  await broker.listen();
  try {
    return await work(broker);
  } finally {
    await broker.close();
  }
}

/** Whatever comes of the work, the agent is ended behind it. */
async function withNode<T>(node: BenchNode, broker: StubBroker, work: () => Promise<T>): Promise<T> {
  try {
    return await Promise.race([work(), node.died]);
  } finally {
    broker.nextPollMs = Math.max(broker.nextPollMs, 1_000);
    await node.end();
  }
}

async function withRelay<T>(broker: StubBroker, work: (relay: Relay) => Promise<T>): Promise<T> {
  const relay = await Relay.start(broker.port);
  try {
    return await work(relay);
  } finally {
    relay.close();
  }
}

/** From the start of the process, on a machine without a guard yet, until the request is with the broker. */
async function measureStarts(artifact: string): Promise<number[]> {
  const samples: number[] = [];
  for (let i = 0; i < starts; i++) {
    await withBroker(async (broker) => {
      const node = new BenchNode(artifact, broker.url, ["--no-wake"]);
      await withNode(node, broker, () => broker.until(() => broker.polls > 0));
      samples.push((broker.firstPollAtMs ?? 0) - node.startedAtMs);
    });
  }
  return samples;
}

/** Polls that are answered at once, one after the other. */
function measureSoak(artifact: string) {
  return withBroker(async (broker) => {
    const node = new BenchNode(artifact, broker.url, ["--no-wake"]);
    return withNode(node, broker, async () => {
      await broker.until(() => broker.polls > Math.min(1_000, polls / 4));
      const [first, cpuBefore] = [broker.polls, cpuMs(node.pid)];
      await broker.until(() => broker.polls >= polls / 2);
      const half = rssMib(node.pid);
      progress(`after ${broker.polls} polls: ${half.toFixed(1)} MiB`);
      await broker.until(() => broker.polls >= polls);
      const [whole, cpu] = [rssMib(node.pid), cpuMs(node.pid) - cpuBefore];
      progress(`after ${broker.polls} polls: ${whole.toFixed(1)} MiB`);
      return { half, whole, cpuMsPer1000: (cpu * 1000) / (broker.polls - first) };
    });
  });
}

/** Bytes of a steady exchange, and of a connection with the first in it. */
function measureExchange(artifact: string) {
  const measure = (broker: StubBroker) =>
    withRelay(broker, (relay) => {
      const words = ["--no-wake", "--ca-file", join(folder, "cert.pem")];
      const node = new BenchNode(artifact, `https://127.0.0.1:${relay.port}`, words);
      return withNode(node, broker, async () => {
        await broker.until(() => broker.polls >= EXCHANGES);
        const [polled, bytes] = [broker.polls, relay.bytes];
        await broker.until(() => broker.polls >= 2 * EXCHANGES);
        const exchange = (relay.bytes - bytes) / (broker.polls - polled);
        const connection = (bytes - exchange * polled) / relay.connections;
        progress(`an exchange has ${exchange.toFixed(0)} bytes, a connection ${connection.toFixed(0)} beside them`);
        return { exchange, connection };
      });
    });
  return withBroker(measure, true);
}

/** A node that rests by its wake socket. */
function measureIdle(artifact: string) {
  const measure = (broker: StubBroker) =>
    withRelay(broker, (relay) => {
      broker.nextPollMs = REST_S * 1000;
      const words = ["--ca-file", join(folder, "cert.pem")];
      const node = new BenchNode(artifact, `https://127.0.0.1:${relay.port}`, words);
      return withNode(node, broker, async () => {
        await broker.until(() => broker.wakeable);
        // its pause was meant for a node without a socket; after another poll it rests
        const asked = broker.polls;
        broker.call();
        await broker.until(() => broker.polls > asked);
        await sleep(SETTLE_MS);
        const [polled, bytes] = [broker.polls, relay.bytes];
        if (pings > 0) await broker.until(() => broker.pings >= pings);
        const idle = rssMib(node.pid);
        if (broker.polls > polled) throw new Error("a node with a wake socket does not rest");
        const ping = pings > 0 ? (relay.bytes - bytes) / broker.pings : null;
        progress(`idle: ${idle.toFixed(1)} MiB${ping === null ? "" : `, a ping has ${ping} bytes`}`);
        return { idle, ping };
      });
    });
  return withBroker(measure, true);
}

/** Short tasks, and what they leave behind. */
function measureTasks(artifact: string) {
  return withBroker(async (broker) => {
    broker.nextPollMs = 60_000;
    const node = new BenchNode(artifact, broker.url, ["--cpus", "1000"]);
    return withNode(node, broker, async () => {
      await broker.until(() => broker.wakeable && broker.lastPressure.length === 0);
      broker.give(AT_ONCE, AT_ONCE);
      await broker.until(() => broker.done >= AT_ONCE);
      await sleep(SETTLE_MS);
      const before = { fds: node.fds(), cgroups: node.cgroups(), processes: childrenOf(node.pid).length };
      const beginMs = performance.now();
      const cpuBefore = cpuMs(node.pid);
      broker.give(tasks, AT_ONCE);
      await broker.until(() => broker.done >= tasks + AT_ONCE);
      const perS = tasks / ((performance.now() - beginMs) / 1000);
      progress(
        `${perS.toFixed(0)} tasks/s, ${((cpuMs(node.pid) - cpuBefore) / tasks).toFixed(2)} ms of the agent each`,
      );
      await sleep(SETTLE_MS);
      const leaked = {
        fds: Math.max(0, node.fds() - before.fds),
        cgroups: Math.max(0, node.cgroups() - before.cgroups),
        processes: Math.max(0, childrenOf(node.pid).length - before.processes),
      };
      leaked.processes += await node.end();
      if (broker.failed > 0) throw new Error(`${broker.failed} tasks failed`);
      return { perS, leaked };
    });
  });
}

try {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key.pem"];
  const name = ["-subj", "/CN=broker.test", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-out", "cert.pem"];
  execFileSync("openssl", ["req", "-x509", ...key, ...name], { cwd: folder, stdio: "ignore" });
  const artifact = chosenAgent() ?? (await buildExecutable(hostTarget(), join(folder, "agent")));

  const first = starts > 0 ? await measureStarts(artifact) : [];
  if (first.length > 0) progress(`first poll after ${spread(first).p50} ms`);
  const work = tasks > 0 ? await measureTasks(artifact) : null;
  const { exchange, connection } = await measureExchange(artifact);
  const soak = polls > 0 ? await measureSoak(artifact) : null;
  const { idle, ping } = await measureIdle(artifact);

  const day = {
    poll: Math.round((DAY_S / HOLD_S) * exchange + (DAY_S / REST_S) * connection),
    ...(ping !== null && { wake: Math.round((DAY_S / REST_S) * (exchange + connection) + (DAY_S / PING_S) * ping) }),
  };
  const rss: Record<string, number> = { idle: rounded(idle) };
  if (soak) {
    rss[`after_${polls / 1000}k`] = rounded(soak.whole);
    rss.growth_in_last_half = rounded(soak.whole - soak.half);
  }
  const figures: Figures = {
    artifact: chosenAgent() === null ? hostTarget() : "named",
    binary_mib: rounded(statSync(artifact).size / MIB),
    ...(first.length > 0 && { start_to_first_poll_ms: spread(first) }),
    rss_mib: rss,
    ...(soak && { cpu_ms_per_1000_polls: rounded(soak.cpuMsPer1000) }),
    ...(work && { tasks_per_s: rounded(work.perS) }),
    idle_bytes_per_day: day,
    ...(work && { leaked: work.leaked }),
  };
  printLine("agent", seed, startedAtMs, figures);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
