/** What is fetched and unpacked, with a real server, real tools, and as the tasks' user. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Uri } from "../../../src/model/container.ts";
import { taskUser } from "../process/user.ts";
import { type FetchOptions, fetchAll } from "./fetch.ts";
import { runTool } from "./tool.ts";

const user = taskUser(null);
let root: string;
let server: Server | null;
let folders: number;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hansa-fetch-"));
  chmodSync(root, 0o711);
  mkdirSync(join(root, "from"));
  server = null;
  folders = 0;
});
afterEach(() => {
  server?.close().closeAllConnections();
  rmSync(root, { recursive: true, force: true });
});

async function serve(answer: RequestListener): Promise<string> {
  server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const uri = (value: string, more: Partial<Uri> = {}): Uri => ({
  ...{ value, executable: false, extract: true, outputFile: null, ...more },
});

/** @returns the folder */
function fetched(
  uris: Uri[],
  more: Partial<FetchOptions> = {},
  signal = new AbortController().signal,
): Promise<string> {
  const folder = join(root, `fetch-${folders++}`);
  mkdirSync(folder, 0o700);
  const allowed = { schemes: ["http", "https"], folders: [join(root, "from")] } as const;
  const options = { allowed, mostBytes: 2 ** 20, caFile: null, environment: {}, ...more };
  return fetchAll(uris, { ...options, folder, user }, signal);
}

/** Of what `make` puts into an empty folder; members as named. */
function pack(name: string, argv: string[], make: (folder: string) => void): Uri {
  const folder = join(root, `pack-${name}`);
  mkdirSync(folder);
  make(folder);
  const [program = "", ...words] = argv;
  execFileSync(program, words, { cwd: folder, stdio: "ignore" });
  chmodSync(join(root, "from", name), 0o644);
  return uri(join(root, "from", name));
}
const into = (name: string) => join(root, "from", name);
const put = (file: string) => (folder: string) => {
  mkdirSync(join(folder, "d"));
  writeFileSync(join(folder, "d", file), "content");
};

test.each([
  ["x.tar", ["tar", "-cf"]],
  ["x.tar.gz", ["tar", "-czf"]],
  ["x.tgz", ["tar", "-czf"]],
  ["x.tar.bz2", ["tar", "-cjf"]],
  ["x.tbz2", ["tar", "-cjf"]],
  ["x.tar.xz", ["tar", "-cJf"]],
  ["x.txz", ["tar", "-cJf"]],
  ["x.zip", ["zip", "-r"]],
])("%s is unpacked beside itself, for the task's user", async (name, argv) => {
  const work = await fetched([pack(name, [...argv, into(name), "d"], put("file"))]);
  expect(readdirSync(work).sort()).toEqual(["d", name].sort());
  expect(readFileSync(join(work, "d/file"), "utf8")).toBe("content");
  for (const path of [work, join(work, name), join(work, "d/file")]) expect(statSync(path).uid).toBe(user.uid);
});

test("a single packed file is unpacked beside itself", async () => {
  writeFileSync(into("log.gz"), gzipSync("lines"), { mode: 0o644 });
  const work = await fetched([uri(into("log.gz"))]);
  expect(readdirSync(work).sort()).toEqual(["log", "log.gz"]);
  expect(readFileSync(join(work, "log"), "utf8")).toBe("lines");
});

test("what is to be run, or not to be unpacked, is left as it is", async () => {
  writeFileSync(into("a.tgz"), "not packed", { mode: 0o644 });
  const work = await fetched([
    uri(into("a.tgz"), { executable: true }),
    uri(into("a.tgz"), { extract: false, outputFile: "b.tgz" }),
  ]);
  expect(readdirSync(work).sort()).toEqual(["a.tgz", "b.tgz"]);
  expect(statSync(join(work, "a.tgz")).mode & 0o777).toBe(0o755);
  expect(statSync(join(work, "b.tgz")).mode & 0o777).toBe(0o644);
});

test("an archive that is none is told in the tool's words", async () => {
  writeFileSync(into("a.tgz"), "not packed", { mode: 0o644 });
  await expect(fetched([uri(into("a.tgz"))])).rejects.toThrow(/a\.tgz can't be fetched: it can't be unpacked: .*gzip/);
});

test("no member of an archive is put outside of the folder", async () => {
  const slips = [
    pack("up.tar", ["tar", "-P", "--transform=s|^d|../up|", "-cf", into("up.tar"), "d/file"], put("file")),
    pack("root.tar", ["tar", "-P", `--transform=s|^d|${root}/abs|`, "-cf", into("root.tar"), "d/file"], put("file")),
    pack(
      "mid.tar.gz",
      ["tar", "-P", "--transform=s|^d|d/../../mid|", "-czf", into("mid.tar.gz"), "d/file"],
      put("file"),
    ),
    pack(
      "up.zip",
      ["python3", "-c", `import zipfile; zipfile.ZipFile("${into("up.zip")}", "w").writestr("../up", "x")`],
      put("file"),
    ),
  ];
  for (const slip of slips) await expect(fetched([slip])).rejects.toThrow(/would be outside of the task's folder/);
  const made = ["up", "abs", "mid"].filter((name) => existsSync(join(root, name)));
  expect(made).toEqual([]);
  for (const folder of readdirSync(root).filter((name) => name.startsWith("fetch-")))
    expect(readdirSync(join(root, folder))).toEqual(["work"]);
});

test("no link of an archive leads outside of the folder", async () => {
  const links: [string, (folder: string) => void][] = [
    ["abs.tar", (folder) => symlinkSync("/etc/passwd", join(folder, "link"))],
    ["up.tar", (folder) => symlinkSync("../..", join(folder, "link"))],
    [
      "round.tar",
      (folder) => {
        mkdirSync(join(folder, "d"));
        symlinkSync("..", join(folder, "d/s"));
        symlinkSync("s/../d", join(folder, "d/link"));
      },
    ],
  ];
  for (const [name, make] of links) {
    const packed = pack(name, ["tar", "-cf", into(name), "."], make);
    if (name === "round.tar") await expect(fetched([packed])).resolves.toBeTruthy();
    else await expect(fetched([packed])).rejects.toThrow('"link" in it is a link that leads out of the task\'s folder');
  }
});

test("links that stay are kept, hard ones too", async () => {
  const packed = pack("ok.tar", ["tar", "-cf", into("ok.tar"), "d"], (folder) => {
    put("file")(folder);
    linkSync(join(folder, "d/file"), join(folder, "d/same"));
    symlinkSync("file", join(folder, "d/soft"));
  });
  const work = await fetched([packed]);
  expect(readdirSync(join(work, "d")).sort()).toEqual(["file", "same", "soft"]);
});

test("no more is fetched or unpacked than the owner allows", async () => {
  writeFileSync(into("bomb.gz"), gzipSync(Buffer.alloc(64 * 2 ** 20)), { mode: 0o644 });
  await expect(fetched([uri(into("bomb.gz"))])).rejects.toThrow(
    "more than 1 MiB, which is this node's limit (--max-fetch)",
  );
  const at = await serve((_, response) => response.end(Buffer.alloc(600_000)));
  await expect(fetched([uri(`${at}/a`), uri(`${at}/b`)])).rejects.toThrow(
    /\/b can't be fetched: with it the task has more/,
  );
});

test("a redirect is followed, also to another name, and not where the owner does not allow", async () => {
  const at = await serve((request, response) => {
    if (request.url === "/here") response.end("here");
    else response.writeHead(302, { location: request.url === "/a" ? "/here" : "https://127.0.0.1:1/x" }).end();
  });
  expect(readFileSync(join(await fetched([uri(`${at}/a`)]), "a"), "utf8")).toBe("here");
  const allowed = { schemes: ["http"], folders: [] } as const;
  await expect(fetched([uri(`${at}/b`)], { allowed })).rejects.toThrow("does not allow https");
  const round = await serve((_, response) => response.writeHead(301, { location: "/" }).end());
  await expect(fetched([uri(`${round}/x`)])).rejects.toThrow("it is redirected more than 10 times");
});

test("a name and password in the address are sent, and not told", async () => {
  let asked: string | undefined;
  const at = await serve((request, response) => {
    asked = request.headers.authorization;
    response.writeHead(403).end();
  });
  const value = at.replace("http://", "http://me:s%3Dcret@");
  await expect(fetched([uri(`${value}/x`)])).rejects.toThrow(`${at}/x can't be fetched: the server says HTTP 403`);
  expect(asked).toBe(`Basic ${Buffer.from("me:s=cret").toString("base64")}`);
});

test("it is asked for through the proxy that the environment names", async () => {
  const at = await serve((request, response) => response.end(`asked for ${request.url}`));
  const environment = { HTTP_PROXY: at };
  const work = await fetched([uri("http://mirror.invalid/x")], { environment });
  expect(readFileSync(join(work, "x"), "utf8")).toBe("asked for http://mirror.invalid/x");
});

test("what breaks off, or takes too long, is not taken for whole", async () => {
  const at = await serve((request, response) => {
    response.writeHead(200, { "content-length": 100 }).write("begin");
    if (request.url === "/cut") setTimeout(() => response.destroy(), 20);
  });
  await expect(fetched([uri(`${at}/cut`)])).rejects.toThrow(/cut can't be fetched/);
  await expect(fetched([uri(`${at}/slow`)], { mostMs: 60 })).rejects.toThrow(/not all was there within/);
});

test("a link in an allowed folder does not lead out of it", async () => {
  symlinkSync("/etc/hostname", into("name"));
  await expect(fetched([uri(into("name"))])).rejects.toThrow("it is a link to where this node's owner allows no files");
});

test.skipIf(process.getuid?.() !== 0)("a file of the machine is read as the task's user", async () => {
  writeFileSync(into("secret"), "x", { mode: 0o600 });
  await expect(fetched([uri(into("secret"))])).rejects.toThrow(/secret can't be fetched: .*Permission denied/);
});

test("a tool that the node lacks is named", async () => {
  const tool = runTool({ argv: ["no-such-tool", "-x"], cwd: root, user }, new AbortController().signal);
  await expect(tool).rejects.toThrow("it needs no-such-tool, which this node does not have");
});

test("a tool ends when it is no more wanted, with all that it started", async () => {
  const stopping = new AbortController();
  const begun = Promise.withResolvers<void>();
  const read = async (stdout: AsyncIterable<Uint8Array>) => {
    for await (const _ of stdout) begun.resolve();
  };
  const tool = runTool({ argv: ["sh", "-c", "sleep 61.5 & echo; sleep 61.5"], cwd: root, user, read }, stopping.signal);
  await begun.promise;
  stopping.abort(new Error("enough"));
  await expect(tool).rejects.toThrow("enough");
});
