/** `hansa login` and `hansa version`. */
import { text } from "node:stream/consumers";
import type { Command } from "commander";
import { z } from "zod";
import { Problem } from "../../src/model/problems.ts";
import { Client } from "../api/client.ts";
import { type AccessOptions, type App, does, sessionOf, withAccess } from "../app.ts";
import { brokerUrl, userContextPath, writeContext } from "../context.ts";
import { EXIT } from "../exit.ts";
import { printJson } from "../session.ts";
import { VERSION } from "../version.ts";

const whoamiSchema = z.object({ league: z.string(), scope: z.string() });
const versionsSchema = z.object({ hansa: z.string() });

export function addLogin(program: Command, app: App): void {
  const command = program
    .command("login")
    .description("check a token and keep it, for you alone, in the config folder")
    .requiredOption("--url <url>", "the broker's address")
    .requiredOption(
      "--token <token>",
      "the token; - reads it from standard input, so that it stays out of the shell's history",
    );
  does(app, command, async ({ url, token }: { url: string; token: string }) => {
    const given = (token === "-" ? await text(process.stdin) : token).trim();
    if (!given) throw new Problem("invalid-request", "no token on standard input");
    const access = { url: brokerUrl(url), token: given };
    const { league, scope } = await new Client(access).get("/v1/whoami", whoamiSchema);
    const path = userContextPath(app.env);
    writeContext(path, { ...access, league });
    app.terminal.out(`logged in to league ${league} at ${access.url} (${scope}); kept in ${path}`);
    return EXIT.ok;
  });
}

export function addVersion(program: Command, app: App): void {
  const command = program.command("version").description("print the versions of this command and of the broker");
  does(app, withAccess(command), async (options: AccessOptions) => {
    const broker = await brokerVersion(app, options);
    if (options.json) printJson(app.terminal, { hansa: VERSION, broker });
    else {
      app.terminal.out(`hansa ${VERSION}`);
      if (broker) app.terminal.out(`broker ${broker.version} at ${broker.url}`);
    }
    return EXIT.ok;
  });
}

/** null when none is named or none answers: the command's own version is told in any case. */
async function brokerVersion(app: App, options: AccessOptions): Promise<{ version: string; url: string } | null> {
  try {
    const { client } = sessionOf(app, options);
    const { hansa } = await client.get("/version", versionsSchema);
    return { version: hansa, url: client.access.url };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (options.url !== undefined) throw error;
    return null;
  }
}
