/** The import rule: who may see whom, and no circles. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

const OBJECTS = ["src/broker", "src/cluster", "src/framework", "src/shelf"];

/** A room, and the rooms it may import from beside itself. */
const MAY_SEE: Record<string, string[]> = {
  "src/model": [],
  "src/protocol": ["src/model"],
  "src/scheduling": ["src/model", "src/protocol"],
  "src/platform": ["src/model", "src/scheduling"],
  ...Object.fromEntries(
    OBJECTS.map((object) => [object, ["src/model", "src/protocol", "src/scheduling", "src/platform", "migrations"]]),
  ),
  migrations: ["src/platform"],
  "src/api": ["src/model", "src/protocol", "src/platform", ...OBJECTS],
  "src/mesos": ["src/api", "src/model", "src/protocol", "src/platform", ...OBJECTS],
  "src/worker.ts": ["src/api", "src/mesos", "src/platform", ...OBJECTS],
  "agent/core": ["src/model", "src/protocol"],
  agent: ["agent/core", "src/model", "src/protocol"],
  cli: ["src/model", "src/protocol"],
};

/** Longest first, so that `agent/core` is not taken for `agent`. */
const ROOMS = Object.keys(MAY_SEE).sort((a, b) => b.length - a.length);
const roomOf = (file: string): string | undefined => ROOMS.find((room) => file === room || file.startsWith(`${room}/`));

const isCode = (file: string): boolean =>
  file.endsWith(".ts") && !/\.(test|fixture)\.ts$|\/fixture\/|\.d\.ts$/.test(file);

const files = ["src", "agent", "cli"].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((path) => join(folder, path))
    .filter(isCode),
);

/** `import … from "x"`, `import "x"`, `export … from "x"` and `import("x")`, at the begin of a statement. */
const IMPORTS =
  /(?:^|[;\n])\s*(?:import|export)\b[^"'`;]*?\bfrom\s*"([^"]+)"|(?:^|[;\n])\s*import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/g;

const importsOf = (file: string): string[] =>
  [...readFileSync(file, "utf8").matchAll(IMPORTS)].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? "");

const manifest: { imports: Record<string, Record<string, string>> } = JSON.parse(readFileSync("package.json", "utf8"));

/** The files of a path: one that begins with # stands for another file in each runtime. */
const filesOf = (file: string, path: string): string[] =>
  path.startsWith("#")
    ? Object.values(manifest.imports[path] ?? {}).map((target) => join(target))
    : [join(dirname(file), path)];

const graph = new Map(
  files.map((file) => [
    file,
    importsOf(file)
      .filter((path) => /^[.#]/.test(path) && !path.endsWith(".json"))
      .flatMap((path) => filesOf(file, path)),
  ]),
);

test("every file stands in a room", () => {
  expect(files.filter((file) => roomOf(file) === undefined)).toEqual([]);
  expect(graph.get("src/cluster/poll.ts")).toContain("src/model/ids.ts");
  expect(graph.get("agent/host/join.ts")).toContain("agent/host/broker/fetchTransport.ts");
});

test("a file imports only from its own room and from those that its room may see", () => {
  const wrong: string[] = [];
  for (const [file, targets] of graph) {
    const room = roomOf(file) ?? "";
    for (const target of targets) {
      const other = roomOf(target);
      if (other !== room && !(other !== undefined && MAY_SEE[room]?.includes(other))) wrong.push(`${file} → ${target}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("an object sees of another object only its methods", () => {
  const wrong: string[] = [];
  for (const [file, targets] of graph) {
    const room = roomOf(file) ?? "";
    if (!OBJECTS.includes(room)) continue;
    for (const target of targets) {
      const other = roomOf(target) ?? "";
      if (OBJECTS.includes(other) && other !== room && !target.endsWith("/methods.ts"))
        wrong.push(`${file} → ${target}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("the pure parts touch no platform: neither Node nor Cloudflare", () => {
  const pure = ["src/model", "src/protocol", "src/scheduling", ...OBJECTS, "agent/core"];
  const impure = files
    .filter((file) => pure.includes(roomOf(file) ?? ""))
    .flatMap((file) =>
      importsOf(file)
        .filter((path) => /^(node|cloudflare):/.test(path))
        .map((path) => `${file} → ${path}`),
    );
  expect(impure).toEqual([]);
});

test("there are no circles", () => {
  const state = new Map<string, "open" | "done">();
  const circles: string[] = [];
  const visit = (file: string, path: string[]) => {
    if (state.get(file) === "done") return;
    if (state.get(file) === "open") {
      circles.push([...path.slice(path.indexOf(file)), file].join(" → "));
      return;
    }
    state.set(file, "open");
    for (const target of graph.get(file) ?? []) visit(target, [...path, file]);
    state.set(file, "done");
  };
  for (const file of graph.keys()) visit(file, []);
  expect(circles).toEqual([]);
});
