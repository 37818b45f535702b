import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { startWorker } from "../../test/support/league.ts";
import type { RunningWorker } from "../../test/support/miniflare.ts";

let worker: RunningWorker;
afterEach(() => worker.dispose());

/** The values at the head of the script, as a shell reads them. */
async function factsOf(url: string, headers: Record<string, string> = {}): Promise<string[]> {
  const response = await fetch(`${url}/install`, { headers });
  expect(response.status).toBe(200);
  const script = (await response.text()).replace(/main "\$@"\n$/, "");
  const print = `${script}\nprintf '%s\\n' "$BROKER" "$AGENT_URL" "$BUNDLE_SHA256"`;
  return spawnSync("sh", ["-c", print], { encoding: "utf8" }).stdout.split("\n");
}

test("without compiled agents the script takes the Worker's own, which is what its sha256 says, and runs", async () => {
  worker = await startWorker();
  const [broker, agentUrl, sha256] = await factsOf(worker.url);
  expect([broker, agentUrl]).toEqual([worker.url, ""]);
  const response = await fetch(`${worker.url}/agent.cjs`);
  const bytes = Buffer.from(await response.arrayBuffer());
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256);
  const etag = response.headers.get("etag") ?? "";
  expect((await fetch(`${worker.url}/agent.cjs`, { headers: { "if-none-match": etag } })).status).toBe(304);
  const folder = mkdtempSync(join(tmpdir(), "hansa-bundle-"));
  writeFileSync(join(folder, "agent.cjs"), bytes);
  const { stdout } = spawnSync(process.execPath, [join(folder, "agent.cjs"), "version"], { encoding: "utf8" });
  rmSync(folder, { recursive: true });
  const { hansa } = await fetch(`${worker.url}/version`).then((answer) => answer.json() as Promise<{ hansa: string }>);
  expect(stdout).toBe(`${hansa}\n`);
});

test("the script knows where compiled agents are, and a deployment that says nonsense is told", async () => {
  worker = await startWorker({ env: { AGENT_URL: "https://downloads.example.org/hansa/" } });
  const [broker, agentUrl] = await factsOf(worker.url, { "x-forwarded-proto": "https" });
  expect([broker, agentUrl]).toEqual([worker.url.replace("http:", "https:"), "https://downloads.example.org/hansa"]);
  await worker.dispose();
  worker = await startWorker({ env: { AGENT_URL: "downloads" } });
  const response = await fetch(`${worker.url}/install`);
  expect(response.status).toBe(503);
  expect(await response.text()).toContain("AGENT_URL");
});
