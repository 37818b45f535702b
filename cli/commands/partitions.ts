/** `hansa partitions`: the named shares of the clusters. */
import type { Command } from "commander";
import { add, formatResources, type Resources } from "../../src/model/resources.ts";
import type { PartitionView } from "../../src/model/views.ts";
import { listClusters } from "../api/endpoints.ts";
import { listPartitions, putPartition, removePartition } from "../api/shares.ts";
import {
  type AccessOptions,
  type App,
  anyNumber,
  collect,
  does,
  group,
  refuseUnknown,
  sessionOf,
  wholeNumber,
  withAccess,
} from "../app.ts";
import { EXIT } from "../exit.ts";
import { printJson, type Session } from "../session.ts";
import { changeOfPartition, type PartitionOptions, partitionNamed, specOfView } from "../shares/partition.ts";
import { lendWord, outcomeLine, toldPartition } from "../shares/told.ts";
import { plural, share } from "../show/figures.ts";
import { type Column, table } from "../show/table.ts";

export function addPartitions(program: Command, app: App): void {
  const partitions = group(program, "partitions", "list the partitions of the clusters, set or remove one").option(
    "-c, --cluster <name>",
    "only of this cluster",
  );
  does(
    app,
    withAccess(partitions),
    async (word: string | undefined, options: AccessOptions & { cluster?: string }, command: Command) => {
      refuseUnknown(command, word);
      const session = sessionOf(app, options);
      const { terminal, json, self } = session;
      const found = await partitionsOf(session, options.cluster);
      if (json) printJson(terminal, found);
      else if (found.length === 0) terminal.note(`no clusters. Create one: ${self} clusters create north`);
      else for (const line of table(found, columnsFor(found), terminal.columns)) terminal.out(line);
      return EXIT.ok;
    },
  );
  addSet(partitions, app);
  addRemove(partitions, app);
}

async function partitionsOf({ client }: Session, cluster: string | undefined): Promise<PartitionView[]> {
  const clusters = cluster === undefined ? (await listClusters(client)).map(({ name }) => name) : [cluster];
  return (await Promise.all(clusters.map((name) => listPartitions(client, name)))).flat();
}

/** Of these there is so much that nobody looks for them here. */
const WITHOUT_COLUMN = ["disk", "ports"];

/** Resources of which a partition may have none have a column only where there are any. */
function columnsFor(found: readonly PartitionView[]): Column<PartitionView>[] {
  const names = new Set(found.flatMap(({ amounts }) => Object.keys(amounts.total)));
  const others = [...names].filter((name) => !["cpus", "mem", ...WITHOUT_COLUMN].includes(name)).sort();
  return [
    { title: "PARTITION", cell: ({ cluster, name }) => `${cluster}/${name}` },
    { title: "OWNER", cell: ({ owner }) => owner ?? "" },
    { title: "NODES", cell: ({ nodeCounts }) => `${nodeCounts.up}/${nodeCounts.total}`, align: "right" },
    ...["cpus", "mem", ...others].map(amountColumn),
    { title: "DOWN", cell: ({ amounts }) => some(amounts.down) },
    { title: "LEND", cell: (view) => lendWord(specOfView(view).lend) },
    { title: "PACK", cell: ({ pack }) => pack },
    { title: "PRICE", cell: ({ price }) => String(price), align: "right" },
    { title: "SPEED", cell: ({ speed }) => String(speed), align: "right" },
    { title: "HOLDS", cell: holds },
  ];
}

const amountColumn = (resource: string): Column<PartitionView> => ({
  title: resource.toUpperCase(),
  cell: ({ amounts }) => share(resource, taken(amounts), amounts.total),
  align: "right",
});

/** What nobody else can have now. */
const taken = ({ used, offered, reserved, stopping }: PartitionView["amounts"]): Resources =>
  [offered, reserved, stopping].reduce((sum: Resources, part) => add(sum, part), used);

const some = (amounts: Resources): string => {
  const there = Object.fromEntries(Object.entries(amounts).filter(([, amount]) => amount > 0));
  return Object.keys(there).length > 0 ? formatResources(there) : "";
};

function holds(view: PartitionView): string {
  if (view.name === "default") return "the rest";
  const { nodes, slice } = toldPartition(specOfView(view));
  const where = view.nodes.length === 0 ? "any node" : (nodes ?? "");
  return view.slice === null ? where : `${slice} of ${where}`;
}

function addSet(partitions: Command, app: App): void {
  const set = partitions
    .command("set")
    .description("make a partition, or change what is named of it")
    .argument("<cluster/name>")
    .option(
      "--nodes <rule>",
      'its nodes satisfy this, e.g. "gpu_model = T4" (may be repeated); all: every node',
      collect,
    )
    .option("--slice <amounts>", "so much of those nodes, e.g. cpus=4,mem=25%; none: whole nodes")
    .option("--owner <role>", "the role that gets it back when it asks")
    .option("--no-owner", "it is nobody's")
    .option("--lend <amounts>", "what others than the owner may use at once: all, none, or e.g. cpus=2,gpus=50%")
    .option("--pack", "the next task goes where least of use to others is lost (default)")
    .option("--spread", "the next task goes to the emptiest node")
    .option("--price <n>", "of one cpu with what belongs to it, for an hour", anyNumber)
    .option("--speed <n>", "how fast a task runs there, against 1 elsewhere", anyNumber)
    .option("--position <n>", "0 is the first: of several that a node satisfies, the first has it", wholeNumber)
    .addHelpText(
      "after",
      `
What is not named stays as it is, also single amounts: --lend cpus=2 leaves that of mem alone, --lend cpus= forgets it.
Partition default holds what no other has: it takes an owner, lend, pack, price and speed.

  ${app.self} partitions set north/gpu --nodes "gpu_model = T4" --owner lab/ml --lend gpus=50%`,
    );
  does(app, withAccess(set), async (typed: string, options: AccessOptions & PartitionOptions) => {
    const key = partitionNamed(typed);
    const { client, terminal, json } = sessionOf(app, options);
    const all = await listPartitions(client, key.cluster);
    const { body, outcome, changes } = changeOfPartition(key, all, options);
    const before = all.find(({ name }) => name === key.name);
    const view = outcome === "unchanged" && before ? before : await putPartition(client, key.cluster, key.name, body);
    if (json) printJson(terminal, view);
    else {
      terminal.out(outcomeLine(`partition ${typed}`, outcome, changes));
      terminal.note(`it has ${some(view.amounts.total) || "nothing"} on ${plural(view.nodeCounts.total, "node")}`);
      for (const note of view.notes) terminal.note(`note: ${note}`);
    }
    return EXIT.ok;
  });
}

function addRemove(partitions: Command, app: App): void {
  const remove = partitions
    .command("rm")
    .description("remove a partition: its nodes belong to the next one that they satisfy; what runs goes on")
    .argument("<cluster/name>");
  does(app, withAccess(remove), async (typed: string, options: AccessOptions) => {
    const { cluster, name } = partitionNamed(typed);
    const { client, terminal, json } = sessionOf(app, options);
    const removed = await removePartition(client, cluster, name);
    if (json) printJson(terminal, removed);
    else terminal.out(outcomeLine(`partition ${typed}`, "removed", []));
    return EXIT.ok;
  });
}
