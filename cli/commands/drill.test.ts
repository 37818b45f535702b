import { createServer, type Server } from "node:http";
import { Command } from "commander";
import { afterEach, expect, test } from "vitest";
import type { ClusterDrillView } from "../../src/model/drillView.ts";
import type { Problem } from "../../src/model/problems.ts";
import type { App } from "../app.ts";
import { drillOf, previewOf } from "../show/drill.fixture.ts";
import { addDrill } from "./drill.ts";

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

interface Ran {
  code: number | Problem;
  out: string[];
  notes: string[];
  /** requests that change something */
  asked: string[];
}

/** @param looks what the drill is answered with, look by look, the last one again and again */
async function drill(words: string[], looks: ClusterDrillView[], first?: () => void): Promise<Ran> {
  const asked: string[] = [];
  let at = 0;
  const listening = createServer(async (request, response) => {
    const { method = "", url = "" } = request;
    let body = "";
    for await (const chunk of request) body += chunk;
    if (url.includes("/preview")) return response.end(JSON.stringify(previewOf()));
    if (method !== "GET") asked.push(`${method} ${body}`.trim());
    const answer = looks[Math.min(at++, looks.length - 1)];
    if (at === 2) first?.();
    return response.end(JSON.stringify(answer));
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const address = listening.address();
  const ran: Ran = { code: -1, out: [], notes: [], asked };
  const app: App = {
    cwd: "/",
    env: {},
    self: "hansa",
    terminal: {
      interactive: false,
      columns: null,
      out: (line) => ran.out.push(line),
      raw: () => {},
      note: (line) => ran.notes.push(line),
      live: () => {},
      paint: (_, text) => text,
    },
    finish: (code) => {
      ran.code = code;
    },
  };
  const program = new Command().exitOverride();
  addDrill(program, app);
  const url = `http://127.0.0.1:${typeof address === "object" && address?.port}`;
  await program
    .parseAsync(["drill", "north", ...words, "--url", url, "--token", "hns_x"], { from: "user" })
    .catch((problem) => {
      ran.code = problem;
    });
  return ran;
}

const ON = drillOf({ state: "on" });
const OVER = drillOf({ counts: { wentOn: 2 } });

test("a script says --yes, hears what is at stake and what came of it", async () => {
  const { code, out, notes, asked } = await drill(["--for", "1m", "--yes"], [ON, OVER]);
  expect([code, asked]).toEqual([0, ['POST {"for":"1m"}']]);
  expect(notes[0]).toMatch(/^a drill cuts the 2 nodes of north off/);
  expect(out.at(-3)).toBe("doubled: nothing");
});

test("without a person to ask and without --yes nothing is cut off, and it says what to do", async () => {
  const { code, notes, asked } = await drill(["--for", "1m"], [ON]);
  expect(code).toMatchObject({ code: "invalid-request", detail: expect.stringContaining("--yes") });
  expect(asked).toEqual([]);
  expect(notes.join()).toContain("will be stopped");
});

test("with --json the report is one document", async () => {
  const { out } = await drill(["--for", "1m", "--yes", "--json"], [ON, OVER]);
  expect(JSON.parse(out.join("\n"))).toEqual(OVER);
});

test.each([{ doubled: 1 }, { lost: 1 }])("the exit code is 1 when %o", async (counts) => {
  expect((await drill(["--for", "1m", "--yes"], [ON, drillOf({ counts })])).code).toBe(1);
  expect((await drill([], [drillOf({ counts })])).code).toBe(1);
});

test("what was late is told and no failure", async () => {
  expect((await drill([], [drillOf({ counts: { late: 1 } })])).code).toBe(0);
});

test("Ctrl-C ends the drill, and its report still comes", async () => {
  const { code, out, notes, asked } = await drill(["--for", "1h", "--yes"], [ON, ON, ON, OVER], () =>
    process.emit("SIGINT"),
  );
  expect([code, asked]).toEqual([0, ['POST {"for":"1h"}', "DELETE"]]);
  expect(notes).toContain("ending the drill of north; its report comes when its nodes are back");
  expect(out.at(-3)).toBe("doubled: nothing");
});

test("--end ends one that somebody else began", async () => {
  const { code, asked } = await drill(["--end"], [drillOf({ state: "settling" }), OVER]);
  expect([code, asked]).toEqual([0, ["DELETE"]]);
  expect((await drill(["--end", "--for", "1m"], [OVER])).code).toMatchObject({ code: "invalid-request" });
});

test("without a length it tells how the last one stands", async () => {
  expect((await drill([], [ON])).out).toEqual([expect.stringMatching(/^north: cut off for/)]);
  expect((await drill([], [{ cluster: "north", drill: null }])).notes).toEqual([
    "there was no drill of north. Begin one: hansa drill north --for 1m",
  ]);
});

test("a drill that is not there any more ends the waiting", async () => {
  const { code, notes } = await drill(["--for", "1m", "--yes"], [ON, { cluster: "north", drill: null }]);
  expect(code).toBe(1);
  expect(notes.at(-1)).toMatch(/is not there any more/);
});
