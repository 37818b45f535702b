/** `hansa clusters` and `hansa nodes`. */
import type { Command } from "commander";
import { Problem } from "../../src/model/problems.ts";
import type { ClusterView, DrainView, NodeView } from "../../src/model/views.ts";
import {
  createCluster,
  getCluster,
  listClusters,
  listNodes,
  pauseNode,
  removeCluster,
  removeNode,
  unreserveNode,
} from "../api/endpoints.ts";
import { type AccessOptions, type App, collect, does, group, refuseUnknown, sessionOf, withAccess } from "../app.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { pairs } from "../job/spec.ts";
import { printJson, type Session } from "../session.ts";
import { drainText } from "../show/drain.ts";
import { age, share } from "../show/figures.ts";
import { type Column, table } from "../show/table.ts";

export function addClusters(program: Command, app: App): void {
  const clusters = group(program, "clusters", "list the clusters, create or remove one");
  does(app, withAccess(clusters), async (word: string | undefined, options: AccessOptions, command: Command) => {
    refuseUnknown(command, word);
    const { client, terminal, json, self } = sessionOf(app, options);
    const found = await listClusters(client);
    if (json) printJson(terminal, found);
    else if (found.length === 0) terminal.note(`no clusters. Create one: ${self} clusters create north`);
    else for (const line of table(found, withDrains(clusterColumns, found), terminal.columns)) terminal.out(line);
    return EXIT.ok;
  });

  const create = clusters
    .command("create")
    .description("create a cluster; nodes join it with a token")
    .argument("<name>", "lower-case letters, digits and hyphens")
    .option("-l, --label <name=value>", "a label, e.g. region=eu (may be repeated)", collect);
  does(app, withAccess(create), async (name: string, options: AccessOptions & { label?: string[] }) => {
    const { client, terminal, json, self } = sessionOf(app, options);
    const created = await createCluster(client, name, pairs(options.label ?? [], "--label"));
    if (json) printJson(terminal, created);
    else {
      terminal.out(`cluster ${created.name} is there`);
      terminal.note(`let nodes join it: ${self} token create --join ${created.name}`);
    }
    return EXIT.ok;
  });

  const remove = clusters.command("rm").description("remove a cluster that has no nodes").argument("<name>");
  does(app, withAccess(remove), async (name: string, options: AccessOptions) => {
    const { client, terminal, json } = sessionOf(app, options);
    const removed = await removeCluster(client, name);
    if (json) printJson(terminal, removed);
    else terminal.out(`cluster ${removed.name} is removed`);
    return EXIT.ok;
  });
}

/** Only where something is drained. */
function withDrains<T extends { drain: DrainView | null }>(
  columns: readonly Column<T>[],
  rows: readonly T[],
): Column<T>[] {
  if (rows.every(({ drain }) => drain === null)) return [...columns];
  const nowMs = Date.now();
  return [...columns, { title: "DRAIN", cell: ({ drain }) => drainText(drain, nowMs) }];
}

const clusterColumns: Column<ClusterView>[] = [
  { title: "CLUSTER", cell: ({ name }) => name },
  { title: "STATE", cell: ({ state }) => state },
  { title: "UP", cell: ({ nodes }) => `${nodes.up}/${nodes.total}`, align: "right" },
  { title: "CPUS", cell: ({ charged, capacity }) => share("cpus", charged, capacity), align: "right" },
  { title: "MEM", cell: ({ charged, capacity }) => share("mem", charged, capacity), align: "right" },
  {
    title: "LABELS",
    cell: ({ labels }) =>
      Object.entries(labels)
        .map((pair) => pair.join("="))
        .join(","),
  },
];

interface NodesOptions extends AccessOptions {
  cluster?: string;
}

export function addNodes(program: Command, app: App): void {
  const nodes = group(program, "nodes", "list the nodes, pause, resume, unreserve or remove one").option(
    "-c, --cluster <name>",
    "only of this cluster",
  );
  does(app, withAccess(nodes), async (word: string | undefined, options: NodesOptions, command: Command) => {
    refuseUnknown(command, word);
    const session = sessionOf(app, options);
    return printNodes(session, await nodesOf(session, options.cluster));
  });

  const changes: [
    name: string,
    description: string,
    change: (s: Session, c: string, n: string) => Promise<NodeView>,
  ][] = [
    ["pause", "place nothing new on a node", ({ client }, c, n) => pauseNode(client, c, n, true)],
    ["resume", "place tasks on a node again", ({ client }, c, n) => pauseNode(client, c, n, false)],
    [
      "unreserve",
      "free what frameworks have set aside on a node; tasks on it go on",
      ({ client }, c, n) => unreserveNode(client, c, n),
    ],
    [
      "rm",
      "remove a node for good: it is told to stop, its tasks go elsewhere",
      ({ client }, c, n) => removeNode(client, c, n),
    ],
  ];
  for (const [name, description, change] of changes) {
    const command = nodes.command(name).description(description).argument("<cluster/node>");
    does(app, withAccess(command), async (typed: string, options: AccessOptions) => {
      const session = sessionOf(app, options);
      const { cluster, node } = nodeNamed(typed);
      const changed = await change(session, cluster, node);
      if (session.json) printJson(session.terminal, changed);
      else session.terminal.out(`node ${cluster}/${changed.name} is ${changed.state}`);
      return EXIT.ok;
    });
  }
}

function nodeNamed(typed: string): { cluster: string; node: string } {
  const [cluster, node, more] = typed.split("/");
  if (cluster && node && more === undefined) return { cluster, node };
  throw new Problem("invalid-request", `"${typed}" names no node; write it like north/n1. List them: hansa nodes`);
}

async function nodesOf({ client }: Session, cluster: string | undefined): Promise<NodeView[]> {
  const clusters = [];
  if (cluster === undefined) clusters.push(...(await listClusters(client)));
  else clusters.push(await getCluster(client, cluster));
  return (await Promise.all(clusters.map(({ name }) => listNodes(client, name)))).flat();
}

function printNodes({ terminal, json, self }: Session, found: NodeView[]): ExitCode {
  if (json) printJson(terminal, found);
  else if (found.length === 0) terminal.note(`no nodes. Let one join: ${self} token create --join CLUSTER`);
  else for (const line of table(found, withDrains(nodeColumns, found), terminal.columns)) terminal.out(line);
  return EXIT.ok;
}

const nodeColumns: Column<NodeView>[] = [
  { title: "NODE", cell: ({ cluster, name }) => `${cluster}/${name}` },
  { title: "STATE", cell: ({ state }) => state },
  { title: "CPUS", cell: ({ used, capacity }) => share("cpus", used, capacity), align: "right" },
  { title: "MEM", cell: ({ used, capacity }) => share("mem", used, capacity), align: "right" },
  { title: "TASKS", cell: ({ attempts }) => String(attempts), align: "right" },
  { title: "SILENT", cell: ({ state, silentMs }) => (state === "suspect" ? age(silentMs) : ""), align: "right" },
  { title: "VERSION", cell: ({ version }) => version },
  { title: "PRESSURE", cell: ({ pressure }) => pressure.join(",") },
];
