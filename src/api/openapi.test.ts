import { afterAll, beforeAll, expect, test } from "vitest";
import { type Json, League, startWorker } from "../../test/support/league.ts";
import type { RunningWorker } from "../../test/support/miniflare.ts";
import { PROBLEMS } from "../model/problems.ts";

let worker: RunningWorker;
let api: Json;
beforeAll(async () => {
  worker = await startWorker();
  api = await (await League.on(worker, "lab")).ok("GET", "/openapi.json", { token: null });
});
afterAll(() => worker.dispose());

const ROUTES = `
GET /healthz
GET /version
GET /metrics
GET /install
GET /agent.cjs
GET POST /v1/jobs
POST /v1/plan
GET /v1/jobs/{id}
GET /v1/jobs/{id}/tasks
GET /v1/jobs/{id}/explain
POST /v1/jobs/{id}/cancel
GET /v1/tasks/{id}
GET /v1/tasks/{id}/logs
GET POST /v1/clusters
GET DELETE /v1/clusters/{cluster}
GET /v1/clusters/{cluster}/nodes
GET DELETE /v1/clusters/{cluster}/nodes/{node}
POST /v1/clusters/{cluster}/nodes/{node}/pause
POST /v1/clusters/{cluster}/nodes/{node}/resume
POST /v1/clusters/{cluster}/nodes/{node}/unreserve
GET POST DELETE /v1/clusters/{cluster}/drain
GET POST DELETE /v1/clusters/{cluster}/drill
GET /v1/clusters/{cluster}/drill/preview
POST DELETE /v1/clusters/{cluster}/nodes/{node}/drain
GET /v1/clusters/{cluster}/partitions
GET PUT DELETE /v1/clusters/{cluster}/partitions/{partition}
GET /v1/roles
GET PUT DELETE /v1/roles/{role}
GET PATCH /v1/league
GET /v1/ledger
GET POST /v1/tokens
DELETE /v1/tokens/{id}
GET /v1/whoami
GET /v1/frameworks
GET /v1/events
POST /agent/v1/join
POST /agent/v1/poll
GET /agent/v1/wake
GET /agent/v1/node
PUT /agent/v1/tasks/{task}/{epoch}/logs
`;

interface Operation {
  path: string;
  method: string;
  operation: Json;
}
const operations = (): Operation[] =>
  Object.entries<Json>(api.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );

test("every route is described, and no other", () => {
  const described = operations().map(({ method, path }) => `${method} ${path}`);
  const expected = ROUTES.trim()
    .split("\n")
    .flatMap((line) => {
      const words = line.split(" ");
      return words.slice(0, -1).map((method) => `${method} ${words.at(-1)}`);
    });
  expect(described.sort()).toEqual(expected.sort());
});

test("each operation has its own id, a summary, a tag that exists, problems, and says what it takes", () => {
  expect(api.openapi).toBe("3.1.0");
  const tags = api.tags.map(({ name }: Json) => name);
  const ids = operations().map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { path, method, operation } of operations()) {
    const where = `${method} ${path}`;
    expect(operation.operationId, where).toMatch(/^[a-zA-Z]+$/);
    expect(operation.summary, where).toBeTruthy();
    expect(tags, where).toEqual(expect.arrayContaining(operation.tags));
    expect(operation.security, where).toBeDefined();
    for (const body of Object.values<Json>(operation.requestBody?.content ?? {})) {
      if (body.schema?.format !== "binary") expect(body.example, where).toBeDefined();
    }
    const pathNames = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const parameters = (operation.parameters ?? []).filter((p: Json) => p.in === "path").map((p: Json) => p.name);
    expect(parameters.sort(), where).toEqual(pathNames.sort());
    if (operation.security.length > 0) {
      for (const status of [400, 401, 403, 503]) {
        expect(Object.keys(operation.responses[status].content), where).toEqual(["application/problem+json"]);
      }
    }
  }
});

test("every reference leads somewhere", () => {
  const references = [...JSON.stringify(api).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map((m) => m[1]);
  expect(references.length).toBeGreaterThan(50);
  for (const name of references) expect(Object.keys(api.components.schemas)).toContain(name);
  expect(Object.keys(api.components.securitySchemes)).toEqual(["token", "credential"]);
  expect(api.components.schemas.Problem.properties.code.enum).toEqual(Object.keys(PROBLEMS));
});

test("what the description calls a body is refused when a field is unknown", () => {
  const bodies = [
    "JobSpec",
    "JobSubmission",
    "PlanRequest",
    "NewCluster",
    "DrainRequest",
    "PartitionRequest",
    "RolePolicy",
    "LeagueRequest",
  ];
  for (const name of [...bodies, "TokenRequest"]) {
    expect(api.components.schemas[name].additionalProperties, name).toBe(false);
  }
  // An agent may be newer than the broker.
  for (const name of ["JoinRequest", "PollRequest"])
    expect(api.components.schemas[name].additionalProperties, name).toBeUndefined();
});

test("the page shows the description, names every problem code, and needs nothing from elsewhere", async () => {
  const response = await fetch(`${worker.url}/docs`);
  const page = await response.text();
  expect(response.headers.get("content-type")).toContain("text/html");
  for (const code of Object.keys(PROBLEMS)) expect(page).toContain(`id="problem-${code}"`);
  expect(page).toContain('fetch("/openapi.json")');
  expect(page).not.toMatch(/(src|href)="?https?:/);
  const [, script = ""] = /<script>([\s\S]*)<\/script>/.exec(page) ?? [];
  const shown = await render(script);
  for (const { path, operation } of operations()) {
    expect(shown).toContain(path);
    expect(shown).toContain(operation.summary);
  }
  for (const name of Object.keys(api.components.schemas)) expect(shown).toContain(name);
});

/** Runs the page's script on as much of a document as it uses. @returns the text it made */
async function render(script: string): Promise<string> {
  class Node {
    textContent = "";
    children: (Node | string)[] = [];
    append(...children: (Node | string)[]) {
      this.children.push(...children);
    }
    text(): string {
      return (
        this.textContent + this.children.map((child) => (typeof child === "string" ? child : child.text())).join(" ")
      );
    }
  }
  const found = new Map<string, Node>();
  const document = {
    createElement: () => new Node(),
    querySelector: (selector: string) => found.get(selector) ?? found.set(selector, new Node()).get(selector),
  };
  const fetched = Promise.resolve({ json: () => Promise.resolve(api) });
  new Function("document", "fetch", script)(document, () => fetched);
  await new Promise((done) => setTimeout(done, 0));
  expect(found.get("#about")?.textContent).toBe(api.info.description);
  return [...found.values()].map((node) => node.text()).join("\n");
}

test("the version is that of the package", async () => {
  const { version } = await import("../../package.json", { with: { type: "json" } }).then((m) => m.default);
  expect(api.info.version).toBe(version);
  const league = await League.on(worker, "lab");
  expect(await league.ok("GET", "/version", { token: null })).toMatchObject({ hansa: version, agentProtocol: 1 });
});
