/** `hansa token`: make, list and revoke tokens, and compute a league's root token from the broker's secret. */
import type { Command } from "commander";
import { parseDuration } from "../../src/model/duration.ts";
import { NAME } from "../../src/model/ids.ts";
import { Problem } from "../../src/model/problems.ts";
import { rootToken } from "../../src/model/token.ts";
import type { TokenView } from "../../src/model/views.ts";
import { createToken, listTokens, revokeToken, type TokenRequest } from "../api/endpoints.ts";
import {
  type AccessOptions,
  type App,
  does,
  group,
  refuseUnknown,
  sessionOf,
  wholeNumber,
  withAccess,
} from "../app.ts";
import { readSecret } from "../broker/dataFolder.ts";
import { EXIT } from "../exit.ts";
import { printJson } from "../session.ts";
import { age } from "../show/figures.ts";
import { type Column, table } from "../show/table.ts";

interface CreateOptions extends AccessOptions {
  admin?: boolean;
  owner?: string;
  member?: string;
  join?: string;
  uses?: number;
  expires?: string;
  note?: string;
}

/** A join token is for a few machines, soon. */
const JOIN_EXPIRES = "1h";

export function tokenRequest(options: CreateOptions): TokenRequest {
  const { admin, owner, member, join, uses, expires, note } = options;
  const asked = [admin, owner, member, join].filter((option) => option !== undefined && option !== false);
  if (asked.length !== 1) {
    throw new Problem(
      "invalid-request",
      "say what the token is for: one of --admin, --owner CLUSTER, --member ROLE, --join CLUSTER",
    );
  }
  if (expires !== undefined && parseDuration(expires) === null) {
    throw new Problem("invalid-request", `--expires wants a time like 1h or 30d, not "${expires}"`);
  }
  const limits = { ...(uses !== undefined && { uses }), ...(note !== undefined && { note }) };
  const expiresIn = expires ?? (join === undefined ? undefined : JOIN_EXPIRES);
  const common = { ...limits, ...(expiresIn !== undefined && { expiresIn }) };
  if (owner !== undefined) return { scope: "owner", cluster: owner, ...common };
  if (member !== undefined) return { scope: "member", role: member, ...common };
  if (join !== undefined) return { scope: "join", cluster: join, ...common };
  return { scope: "admin", ...common };
}

export function addToken(program: Command, app: App): void {
  const token = group(program, "token", "make, list and revoke tokens");
  does(app, token, async (word: string | undefined, _options: object, command: Command) => {
    refuseUnknown(command, word);
    command.outputHelp();
    return EXIT.ok;
  });
  addCreate(token, app);
  addList(token, app);
  addRevoke(token, app);
  addRoot(token, app);
}

function addCreate(token: Command, app: App): void {
  const create = token
    .command("create")
    .description("make a token; it is shown once")
    .option("--admin", "may do everything in the league")
    .option("--owner <cluster>", "may manage one cluster and its nodes")
    .option("--member <role>", "may run jobs under one role")
    .option(
      "--join <cluster>",
      `lets nodes join one cluster; expires in ${JOIN_EXPIRES} unless --expires says otherwise`,
    )
    .option("--uses <n>", "how often it may be used", wholeNumber)
    .option("--expires <time>", "how long it is valid, e.g. 1h or 30d")
    .option("--note <text>", "what it is for, shown in lists");
  does(app, withAccess(create), async (options: CreateOptions) => {
    const request = tokenRequest(options);
    const { client, terminal, json } = sessionOf(app, { ...options });
    const created = await createToken(client, request);
    if (json) printJson(terminal, created);
    else {
      terminal.out(created.token);
      terminal.note(tokenHint(request, created.token, client.access.url, app.self));
    }
    return EXIT.ok;
  });
}

/** What makes a machine a node; a token has nothing in it that a shell takes for its own. */
export const installLine = (url: string, token: string): string =>
  `curl -fsSL ${url.replace(/\/+$/, "")}/install | sh -s -- --token ${token}`;

function tokenHint(request: TokenRequest, token: string, url: string, self: string): string {
  if (request.scope !== "join") return `it is shown only now. To use it: ${self} login --url ${url} --token -`;
  return `it is shown only now. On each machine that is to be a node, as root:\n${installLine(url, token)}`;
}

function addList(token: Command, app: App): void {
  does(app, withAccess(token.command("list").description("list the tokens")), async (options: AccessOptions) => {
    const { client, terminal, json } = sessionOf(app, options);
    const found = await listTokens(client);
    if (json) printJson(terminal, found);
    else for (const line of table(found, tokenColumns(Date.now()), terminal.columns)) terminal.out(line);
    return EXIT.ok;
  });
}

const tokenColumns = (now: number): Column<TokenView>[] => [
  { title: "TOKEN", cell: ({ id }) => id },
  { title: "SCOPE", cell: ({ scope }) => scope },
  { title: "FOR", cell: ({ cluster, role }) => cluster ?? role ?? "" },
  { title: "USES", cell: ({ usesLeft }) => (usesLeft === null ? "" : String(usesLeft)), align: "right" },
  { title: "STATE", cell: (token) => tokenState(token, now) },
  { title: "AGE", cell: ({ createdAt }) => age(now - createdAt), align: "right" },
  { title: "NOTE", cell: ({ note }) => note },
];

function tokenState({ revoked, expiresAt }: TokenView, now: number): string {
  if (revoked) return "revoked";
  if (expiresAt === null) return "valid";
  return expiresAt <= now ? "expired" : `${age(expiresAt - now)} left`;
}

function addRevoke(token: Command, app: App): void {
  const revoke = token.command("revoke").description("end a token").argument("<id>", "its id, as in the list");
  does(app, withAccess(revoke), async (id: string, options: AccessOptions) => {
    const { client, terminal, json } = sessionOf(app, options);
    const revoked = await revokeToken(client, id);
    if (json) printJson(terminal, revoked);
    else terminal.out(`token ${revoked.id} is revoked; within 30 s it is refused everywhere`);
    return EXIT.ok;
  });
}

function addRoot(token: Command, app: App): void {
  const root = token
    .command("root")
    .description("compute the first admin token of a league from the broker's secret; asks no broker")
    .requiredOption("--league <name>", "the league; it begins to exist with its first use")
    .requiredOption("--secret-file <file>", "the file that holds the broker's HANSA_SECRET; - is standard input");
  does(app, root, async ({ league, secretFile }: { league: string; secretFile: string }) => {
    if (!NAME.test(league)) {
      throw new Problem("invalid-request", `"${league}" is no league's name: lower-case letters, digits and hyphens`);
    }
    const secret = readSecret(secretFile === "-" ? "/dev/stdin" : secretFile);
    app.terminal.out(await rootToken(secret, league));
    return EXIT.ok;
  });
}
