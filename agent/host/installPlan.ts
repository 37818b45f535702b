/** What `hansa-agent install` is going to do, as data. */
import { join } from "node:path";
import { PRIVATE_FILE_MODE } from "./files.ts";
import type { Value } from "./options.ts";
import { systemdUnit, UNIT_PATH } from "./unit.ts";

/** Names of a proxy, for a service that does not inherit the shell's. */
const PROXY = /^(https?|no|all)_proxy$/i;
export const ENVIRONMENT_FILE = "environment";
export const LOG_FILE = "agent.log";

/** Where a compiled program has its files, which only itself sees: there they are files. */
const INSIDE_ITSELF = "/$bunfs/";

export interface PlannedFile {
  path: string;
  text: string;
  mode: number;
}

export interface InstallPlan {
  files: PlannedFile[];
  /** the agent's program with all its words */
  command: string[];
  /** who starts it: systemd also at every boot, or nobody but us */
  starter: "systemd" | "detached";
  log: string;
}

export interface Site {
  /** how this program is called */
  program: readonly string[];
  data: string;
  configFile: string;
  /** the config file was named and is not where the agent looks by itself */
  namedConfig: boolean;
  uid: number;
  /** systemd is the service manager here */
  systemd: boolean;
  environment: NodeJS.ProcessEnv;
}

/**
 * @param lasting what was said now @param existing the config file's content; what was said now wins, the rest stays
 */
export function planInstall(site: Site, lasting: Record<string, Value>, existing: string | null): InstallPlan {
  const { program, data, configFile, namedConfig, uid, systemd, environment } = site;
  const command = [...program, "run", "--data", data, ...(namedConfig ? ["--config", configFile] : [])];
  const starter = systemd && uid === 0 ? "systemd" : "detached";
  const environmentFile = join(data, ENVIRONMENT_FILE);
  const files: PlannedFile[] = [{ path: configFile, text: merged(existing, lasting), mode: PRIVATE_FILE_MODE }];
  if (starter === "systemd") {
    const proxies = Object.entries(environment).filter(([name, value]) => PROXY.test(name) && value);
    // a proxy's address may hold a password
    if (proxies.length > 0)
      files.push({ path: environmentFile, text: environmentText(proxies), mode: PRIVATE_FILE_MODE });
    files.push({ path: UNIT_PATH, text: systemdUnit({ command, environmentFile }), mode: 0o644 });
  }
  return { files, command, starter, log: join(data, LOG_FILE) };
}

/** A name may be written `runAs` or `run-as`. */
function merged(existing: string | null, lasting: Record<string, Value>): string {
  const before: Record<string, unknown> = existing === null ? {} : JSON.parse(existing);
  const kept = Object.entries(before).filter(([name]) => !(dashed(name) in lasting));
  return `${JSON.stringify({ ...Object.fromEntries(kept), ...lasting }, null, 2)}\n`;
}

const dashed = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const environmentText = (pairs: [string, string | undefined][]): string =>
  pairs.map(([name, value]) => `${name}="${(value ?? "").replace(/["\\]/g, "\\$&")}"\n`).join("");

/**
 * How this program is called again: a compiled one is itself, a bundle needs its Node.
 *
 * @param script the process's second word @param isFile whether there is such a file
 */
export function programOf(execPath: string, script: string | undefined, isFile: (path: string) => boolean): string[] {
  const isOwn = script === undefined || script === execPath || script.startsWith(INSIDE_ITSELF);
  return !isOwn && isFile(script) ? [execPath, script] : [execPath];
}

/** For a person, secrets included in nothing. */
export function planLines({ files, command, starter, log }: InstallPlan, joins: boolean): string[] {
  return [
    ...files.flatMap(({ path, text, mode }) => [
      `write ${path} (mode ${mode.toString(8)})`,
      ...(path.endsWith(`/${ENVIRONMENT_FILE}`)
        ? []
        : text
            .trimEnd()
            .split("\n")
            .map((line) => `  | ${line}`)),
    ]),
    joins ? "join the cluster with the token" : "stay the node that it is",
    starter === "systemd"
      ? "systemctl daemon-reload, enable and start hansa-agent"
      : `start ${command.join(" ")} in the background, its log in ${log}`,
    "wait until the broker has answered it, and show the node",
  ];
}
