/** What stands between an agent and its broker answers wrongly, late, twice or not at all: each task runs once and ends once. */

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { FaultProxy } from "../test/proxy/faultProxy.ts";
import { type Fault, isPath, PASS } from "../test/proxy/faults.ts";
import { until } from "../test/support/until.ts";
import { uptimeMs } from "./host/clock.ts";
import { dead, onNodes, type TestNode } from "./testNode.fixture.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

const onNode = onNodes();
const TASKS = 6;
/** Of each kind of request, so that retries do not come ever later. */
const HARMED = { polls: 4, uploads: 2 };
/** A task may run so long without an answer; TERM comes 5 s and its grace before that. */
const SHORT = { stopAfterMs: 12_000, stopGraceMs: 1000 };
const LONG = { stopAfterMs: 60_000 };
const isPoll = isPath("POST", /^\/agent\/v1\/poll/);

/** The reply as the broker would have sent it, when the whole of it is known. */
function harmed(response: ServerResponse, harm: (reply: string, send: ServerResponse["end"]) => void): void {
  const send = response.end.bind(response) as ServerResponse["end"];
  const writeHead = response.writeHead.bind(response);
  response.writeHead = (() => response) as ServerResponse["writeHead"];
  response.end = ((reply = "") => {
    response.writeHead = writeHead as ServerResponse["writeHead"];
    response.end = send;
    harm(reply, send);
    return response;
  }) as ServerResponse["end"];
}

type Harm = (response: ServerResponse, reply: string, send: ServerResponse["end"]) => void;

/** What was asked for is done, but the agent hears this of it. */
const HARMS: Record<string, Harm> = {
  "500 with nothing": (response, _, send) => {
    response.writeHead(500);
    send();
  },
  "500 with the right answer in it": (response, reply, send) => {
    response.writeHead(500, { "content-type": "application/json" });
    send(reply);
  },
  "a page with status 200": (response, _, send) => {
    response.writeHead(200, { "content-type": "text/html" });
    send("<!DOCTYPE html><title>Welcome</title>");
  },
  "half of the JSON, said to be all": (response, reply, send) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": reply.length >> 1 });
    send(reply.slice(0, reply.length >> 1));
  },
  "half of the JSON, and then the end of the connection": (response, reply) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": reply.length });
    response.write(reply.slice(0, reply.length >> 1), () => response.destroy());
  },
  "half of the JSON in chunks, and then the end of the connection": (response, reply) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.write(reply.slice(0, reply.length >> 1), () => response.destroy());
  },
  "nothing but the end of the connection": (response) => response.destroy(),
  "the right answer twice": (response, reply, send) => {
    const { socket } = response;
    const copy = [
      "HTTP/1.1 200 OK",
      "content-type: application/json",
      `content-length: ${Buffer.byteLength(reply)}`,
      "",
      reply,
    ];
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(reply) });
    send(reply, () => socket?.write(copy.join("\r\n")));
  },
  "the right answer byte by byte": (response, reply) => {
    response.writeHead(200, { "content-type": "application/json" });
    void (async () => {
      for (const byte of Buffer.from(reply)) {
        response.write(Buffer.of(byte));
        await sleep(1);
      }
      response.end();
    })();
  },
};

/** What a relay does to one poll after the other. */
const RELAYED: Fault[] = [
  { kind: "replay" },
  { kind: "double", afterMs: 0 },
  PASS,
  { kind: "delay", requestMs: 0, replyMs: 100 },
  { kind: "double", afterMs: 200 },
  { kind: "delay", requestMs: 100, replyMs: 0 },
];

/** It has accepted a request. */
const SILENCES: Record<string, (response: ServerResponse) => void> = {
  "a broker that says nothing": () => {},
  "a broker that never comes to an end": (response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const drip = setInterval(() => response.write(" "), 200);
    response.once("close", () => clearInterval(drip));
  },
};

/** Feeds tasks one by one. @returns when all of them have ended and are forgotten */
async function runsAll(node: TestNode): Promise<void> {
  for (let index = 0; index < TASKS; index++) {
    node.broker.give({ command: `${node.mark()}; echo out; exit ${index % 2}`, ...LONG }, `job1.${index}`);
    await node.broker.end(`job1.${index}@1`);
  }
  for (let index = 0; index < TASKS; index++) await node.forgotten(`job1.${index}@1`);
}

function allRanOnce(node: TestNode): void {
  const keys = Array.from({ length: TASKS }, (_, index) => `job1.${index}@1`);
  expect(node.marked).toEqual(keys.toSorted());
  for (const [index, key] of keys.entries()) {
    expect(node.endsTold(key)).toMatchObject([{ state: index % 2 ? "failed" : "succeeded", code: index % 2 }]);
    expect(node.broker.output.get(`${key}/stdout`)?.toString()).toBe("out\n");
  }
}

describe.concurrent("a broker that answers", () => {
  test.for(Object.entries(HARMS))(
    "%s to every second request has each task run once and end once",
    ([, harm], context) =>
      onNode(async (node) => {
        const seen = { polls: 0, uploads: 0 };
        node.broker.odd = ({ method = "", url = "" }, response) => {
          const kind = method === "PUT" ? "uploads" : isPoll({ method, path: url }) ? "polls" : null;
          if (kind !== null && seen[kind]++ % 2 === 1 && seen[kind] <= 2 * HARMED[kind])
            harmed(response, (reply, send) => harm(response, reply, send));
          return false;
        };
        node.start();
        await runsAll(node);
        allRanOnce(node);
        expect(seen.polls).toBeGreaterThan(2 * HARMED.polls);
        expect(seen.uploads).toBeGreaterThan(2 * HARMED.uploads);
      })(context),
  );

  test("polls late, twice, and with what it answered long ago has each task run once and end once", (context) =>
    onNode(async (node) => {
      const relay = await FaultProxy.start(Number(new URL(node.broker.url).port));
      context.onTestFinished(() => relay.close());
      let polls = 0;
      relay.decide((request) => (isPoll(request) ? (RELAYED[polls++ % RELAYED.length] ?? PASS) : PASS));
      node.url = relay.url;
      node.start();
      await runsAll(node);
      allRanOnce(node);
      for (const { kind } of RELAYED) expect(relay.counts.get(kind), kind).toBeGreaterThan(0);
      node.url = null;
    })(context));

  test.for(Object.entries(SILENCES))("%s is left, and what ended meanwhile is told once", ([, fallSilent], context) =>
    onNode(async (node) => {
      node.start();
      node.broker.give({ command: `${node.mark()}; ${node.waitFor("go")}; exit 3`, ...LONG }, "job1.0");
      await node.broker.until(() => node.broker.polls.at(-1)?.running.length === 1);
      const left = new Promise<void>((resolve) => {
        node.broker.odd = ({ method = "", url = "" }, response) => {
          if (!isPoll({ method, path: url })) return false;
          node.broker.odd = null;
          fallSilent(response);
          response.once("close", resolve);
          return true;
        };
      });
      node.sign("go");
      await left;
      expect(await node.broker.end("job1.0@1")).toMatchObject({ state: "failed", code: 3 });
      await node.forgotten("job1.0@1");
      expect(node.marked).toEqual(["job1.0@1"]);
    })(context),
  );
});

describe.concurrent("for longer than a task may run without an answer", () => {
  const DEAF = "trap '' TERM; echo $$ >pid; while :; do sleep 0.05; done";
  const POLITE = "trap 'exit 7' TERM; echo $$ >pid; while :; do sleep 0.05; done";

  /** From now on no poll is heard. @returns when the tasks must be dead: boot-time ms */
  const cut = (node: TestNode): number => {
    node.broker.odd = ({ method = "", url = "" }) => isPoll({ method, path: url });
    return uptimeMs() + SHORT.stopAfterMs;
  };
  const bothRun = async (node: TestNode): Promise<number[]> => {
    node.broker.give({ command: `${node.mark()}; ${DEAF}`, ...SHORT }, "job1.0");
    node.broker.give({ command: `${node.mark()}; ${POLITE}`, ...SHORT }, "job1.1");
    return Promise.all([node.pidOf("job1.0@1"), node.pidOf("job1.1@1")]);
  };
  const bothLapsed = async (node: TestNode): Promise<void> => {
    for (const key of ["job1.0@1", "job1.1@1"])
      expect(await node.broker.end(key)).toMatchObject({ state: "failed", reason: "deadline" });
    node.broker.give({ command: node.mark() }, "job1.0", 2);
    expect(await node.broker.end("job1.0@2")).toMatchObject({ state: "succeeded" });
    await node.forgotten("job1.0@2");
    expect(node.marked).toEqual(["job1.0@1", "job1.0@2", "job1.1@1"]);
  };

  /** Harm; of an agent that ends by it when it has: it may go on for a while when its tasks are dead. */
  const CUTS: Record<string, (node: TestNode, agent: ChildProcess) => Promise<unknown> | null> = {
    "cut off": () => null,
    "stopped, and continued later": (_, agent) => {
      agent.kill("SIGSTOP");
      return null;
    },
    "killed, and started anew later": (_, agent) => {
      agent.kill("SIGKILL");
      return once(agent, "exit");
    },
    "cut off, and its guard killed": (node) => {
      process.kill(node.guardPid, "SIGKILL");
      return null;
    },
    "ended, its guard just killed, and started anew later": (node, agent) => {
      process.kill(node.guardPid, "SIGKILL");
      agent.kill("SIGTERM");
      return once(agent, "exit");
    },
  };
  test.for(Object.entries(CUTS))(
    "an agent is %s: its tasks are dead in time, and told as lapsed",
    ([, harm], context) =>
      onNode(async (node) => {
        const agent = node.start();
        const pids = await bothRun(node);
        const deadlineMs = cut(node);
        const ended = harm(node, agent);
        await until(() => pids.every(dead));
        expect(uptimeMs()).toBeLessThan(deadlineMs);
        node.broker.odd = null;
        if (ended === null) agent.kill("SIGCONT");
        else {
          await ended;
          node.start();
        }
        await bothLapsed(node);
      })(context),
  );
});
