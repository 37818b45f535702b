import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { agentUrlOf, installScript, originOf, type ScriptFacts } from "./installScript.ts";

const TEMPLATE = readFileSync(new URL("install.sh", import.meta.url), "utf8");
/** What a URL may hold, and a shell would take for more. */
const ODD = `http://a';touch\${IFS}x;'b`;
const facts: ScriptFacts = { broker: "http://127.0.0.1:1", agentUrl: null, bundleSha256: "00" };

test("what the broker knows stands in the script as words that a shell leaves alone", () => {
  const script = installScript(TEMPLATE, { ...facts, broker: ODD });
  expect(script).not.toMatch(/^[A-Z0-9_]+=@/m);
  const { stdout } = spawnSync("sh", ["-c", `${script.replace(/^main "\$@"$/m, "")}\nprintf %s "$BROKER"`], {
    encoding: "utf8",
  });
  expect(stdout).toBe(ODD);
});

test("the last line is the only one that does something, so that half a script does nothing", () => {
  const half = installScript(TEMPLATE, facts).replace(/main "\$@"\n$/, "");
  expect(half).not.toBe(installScript(TEMPLATE, facts));
  const { status, stdout, stderr } = spawnSync("/bin/sh", [], {
    input: half,
    encoding: "utf8",
    env: { PATH: "/nowhere" },
  });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
});

test("the broker is where the one who asked found it, also behind a proxy that ends TLS", () => {
  expect(originOf("http://hansa.example.org:8787/install?x", undefined)).toBe("http://hansa.example.org:8787");
  expect(originOf("http://hansa.example.org/install", "https")).toBe("https://hansa.example.org");
  expect(originOf("http://hansa.example.org/install", "gopher")).toBe("http://hansa.example.org");
});

test("AGENT_URL is a base URL or nothing", () => {
  expect(agentUrlOf(undefined)).toBe(null);
  expect(agentUrlOf("")).toBe(null);
  expect(agentUrlOf("https://downloads.example.org/hansa/")).toBe("https://downloads.example.org/hansa");
  expect(() => agentUrlOf("ftp://x")).toThrow(/AGENT_URL/);
});

/** The script with every program it uses in a folder of the test's, the ones that matter made of a few words. */
describe("the script", () => {
  let root: string;
  let tools: string;
  let home: string;
  let files: string;
  const agent = (version: string) =>
    `#!/bin/sh\n[ "$1" != version ] || { echo ${version}; exit; }\nprintf '%s\\n' "ran $0" "token $HANSA_AGENT_TOKEN" "$@" >"$HOME/ran"\n`;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "hansa-script-"));
    [tools, home, files] = ["bin", "home", "files"].map((name) => join(root, name)) as [string, string, string];
    for (const folder of [tools, home, files]) mkdirSync(folder);
    tool("id", "case $1 in -u) echo 1000 ;; *) echo somebody ;; esac");
    tool("uname", `case $1 in -m) echo "\${MACHINE:-x86_64}" ;; *) echo "\${SYSTEM:-Linux}" ;; esac`);
    // -fsSL -o FILE URL
    tool("curl", `cp "${files}/\${4##*/}" "$3" 2>/dev/null || { echo "curl: 404" >&2; exit 22; }`);
    for (const name of ["sh", "cp", "mv", "rm", "mkdir", "mktemp", "chmod", "sed", "sha256sum"])
      tool(name, `exec "$(PATH=/usr/bin:/bin command -v ${name})" "$@"`);
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function tool(name: string, text: string): void {
    writeFileSync(join(tools, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(tools, name), 0o755);
  }
  function offer(name: string, content: string, listed = content): void {
    writeFileSync(join(files, name), content);
    const sum = createHash("sha256").update(listed).digest("hex");
    writeFileSync(join(files, "SHA256SUMS"), `${"0".repeat(64)}  another\n${sum}  ${name}\n`);
  }
  const run = (words: string[], more: Partial<ScriptFacts> = {}, environment: NodeJS.ProcessEnv = {}) => {
    const script = installScript(TEMPLATE, { ...facts, agentUrl: "http://127.0.0.1:2/agents", ...more });
    const env = { PATH: tools, HOME: home, ...environment };
    const { status, stdout, stderr } = spawnSync("/bin/sh", ["-s", "--", ...words], {
      input: script,
      encoding: "utf8",
      env,
    });
    return { status, stdout, stderr };
  };
  const program = () => join(home, ".local/bin/hansa-agent");
  const ran = () => readFileSync(join(home, "ran"), "utf8").trimEnd().split("\n");

  test("puts the agent of this machine in its place and hands it every other word, the token not among them", () => {
    offer("hansa-agent-linux-x64", agent("1"));
    const said = run(["--name", "n 1", "--token", "hns_secret", "--label", "zone=it's"]);
    expect(said).toMatchObject({ status: 0, stderr: "" });
    const words = [
      "install",
      "--program",
      program(),
      "--url",
      "http://127.0.0.1:1",
      "--name",
      "n 1",
      "--label",
      "zone=it's",
    ];
    expect(ran()).toEqual([`ran ${program()}`, "token hns_secret", ...words]);
  });

  test("run again puts the new one in the place of the old", () => {
    offer("hansa-agent-linux-x64", agent("1"));
    run(["--token=x"]);
    offer("hansa-agent-linux-x64", agent("2"));
    expect(run([])).toMatchObject({ status: 0 });
    expect(spawnSync(program(), ["version"], { encoding: "utf8" }).stdout).toBe("2\n");
    expect(readdirSync(join(home, ".local/bin"))).toEqual(["hansa-agent"]);
  });

  test("installs nothing of a download that was changed on its way, and says what to do", () => {
    offer("hansa-agent-linux-x64", `${agent("1")}# corrupted`, agent("1"));
    const said = run(["--token", "x"]);
    expect(said.status).toBe(1);
    expect(said.stderr).toMatch(
      /is not the agent: its sha256 is [0-9a-f]{64} and should be [0-9a-f]{64}.*\nnext step: /,
    );
    expect(readdirSync(home)).toEqual([]);
  });

  test("takes the right one for arm64, and says when there is none", () => {
    offer("hansa-agent-linux-arm64", agent("1"));
    expect(run([], {}, { MACHINE: "aarch64" })).toMatchObject({ status: 0 });
    for (const [environment, message] of [
      [{ MACHINE: "riscv64" }, /no compiled agent for riscv64/],
      [{ MACHINE: "x86_64" }, /SHA256SUMS does not list hansa-agent-linux-x64/],
      [{ SYSTEM: "Darwin" }, /needs Linux, and this is Darwin/],
    ] as const) {
      const said = run([], {}, environment);
      expect(said.status).toBe(1);
      expect(said.stderr).toMatch(message);
      expect(said.stderr).toMatch(/\nnext step: ./);
    }
  });

  test("takes the one for musl where that is the C library", () => {
    tool("ldd", 'echo "musl libc (x86_64)" >&2; exit 1');
    offer("hansa-agent-linux-x64-musl", agent("1"));
    expect(run([])).toMatchObject({ status: 0 });
    expect(run([], {}, { MACHINE: "arm64" }).stderr).toMatch(/no compiled agent for arm64 with musl\nnext step: /);
  });

  test("says what failed and the next step when nothing can be fetched, checked or found", () => {
    expect(run([]).stderr).toMatch(/SHA256SUMS can't be fetched\nnext step: /);
    offer("hansa-agent-linux-x64", agent("1"));
    rmSync(join(tools, "sha256sum"));
    expect(run([]).stderr).toMatch(/nothing here computes a sha256.*\nnext step: /);
    rmSync(join(tools, "curl"));
    expect(run([]).stderr).toMatch(/neither curl nor wget\nnext step: /);
    expect(run(["--token"]).stderr).toMatch(/--token has no token behind it\nnext step: /);
    expect(readdirSync(home)).toEqual([]);
  });

  test("makes do with wget, and with other programs that compute a sha256", (context) => {
    rmSync(join(tools, "curl"));
    rmSync(join(tools, "sha256sum"));
    // -q -O FILE URL
    tool("wget", `cp "${files}/\${4##*/}" "$3"`);
    for (const name of ["openssl", "shasum"]) {
      if (spawnSync("sh", ["-c", `command -v ${name}`]).status !== 0) {
        console.warn(`SKIPPED: ${name} is not on this machine`);
        context.skip(`${name} is not on this machine`);
      }
      tool(name, `PATH=/usr/bin:/bin exec ${name} "$@"`);
      offer("hansa-agent-linux-x64", agent(name), "another");
      expect(run([]).stderr).toMatch(/is not the agent/);
      offer("hansa-agent-linux-x64", agent(name));
      expect(run([])).toMatchObject({ status: 0, stderr: "" });
      rmSync(join(tools, name));
    }
  });

  test("without compiled agents it takes the broker's own, and only where a Node can run it", () => {
    const said = run([], { agentUrl: null });
    expect(said.stderr).toMatch(/no Node 22 or later here\nnext step: install Node 22/);
    // an old one
    tool("node", "exit 1");
    expect(run([], { agentUrl: null }).stderr).toMatch(/no Node 22 or later here/);
    tool("node", `case $1 in -e) ;; -p) echo ${join(tools, "node")} ;; *) exec sh "$@" ;; esac`);
    writeFileSync(join(files, "agent.cjs"), agent("1"));
    const bundleSha256 = createHash("sha256").update(agent("1")).digest("hex");
    expect(run([], { agentUrl: null }).stderr).toMatch(/is not the agent/);
    expect(run(["--name", "n1"], { agentUrl: null, bundleSha256 })).toMatchObject({ status: 0, stderr: "" });
    expect(ran().slice(2)).toEqual(["install", "--program", program(), "--url", "http://127.0.0.1:1", "--name", "n1"]);
  });

  test("a dry run leaves nothing behind", () => {
    offer("hansa-agent-linux-x64", agent("1"));
    const said = run(["--dry-run", "--token", "x"]);
    expect(said.stdout).toContain(`would write ${program()}`);
    expect(ran().slice(2, 4)).toEqual(["install", "--dry-run"]);
    expect(readdirSync(home)).toEqual(["ran"]);
  });
});
