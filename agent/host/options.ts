/** What the owner of the node says: flags, else HANSA_AGENT_* in the environment, else the config file. */
import { readFileSync } from "node:fs";
import { homedir, hostname } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { DRIVERS, type DriverName } from "../../src/model/driver.ts";
import { formatDuration, parseDuration } from "../../src/model/duration.ts";
import { NAME } from "../../src/model/ids.ts";
import { parseAmount, RESOURCE_NAME } from "../../src/model/resources.ts";
import { MAX_ATTRIBUTES, MAX_GPUS, MAX_RESOURCES } from "../../src/protocol/limits.ts";
import type { AllowedVolume } from "./docker/volumes.ts";
import { MAX_DEADLINE_MS } from "./drain.ts";
import { type Endpoint, parseEndpoint } from "./endpoints.ts";
import type { Allowed } from "./fetch/source.ts";
import { messageOf, readIfThere } from "./files.ts";
import { DEFAULT_PORTS, type PortRange, parsePorts } from "./ports.ts";
import { DEFAULT_LIMITS, type LimitOptions } from "./process/limits.ts";

export const COMMANDS = [
  "run",
  "join",
  "install",
  "uninstall",
  "status",
  "drain",
  "doctor",
  "version",
  "help",
] as const;
export type Command = (typeof COMMANDS)[number];

export interface AgentOptions {
  command: Command;
  url: string | null;
  /** as given: the token, `file:PATH` or `fd:N` */
  token: string | null;
  name: string;
  data: string;
  /** null: chosen by where a tmpfs is */
  runFolder: string | null;
  caFile: string | null;
  runAs: string | null;
  /** milli-units */
  resources: Record<string, number>;
  /** that tasks may be given */
  ports: PortRange[];
  labels: Record<string, string>;
  roles: string[] | null;
  /** allowed by the owner, whether or not they work here; null: those that work */
  drivers: DriverName[] | null;
  /** of every task */
  limits: LimitOptions;
  /** of one stream of an attempt */
  maxOutputBytes: number;
  /** of what tasks want fetched */
  fetch: { allowed: Allowed; mostBytes: number };
  /** folders of the machine that containers may have */
  volumes: readonly AllowedVolume[];
  /** where the container daemon listens; null: DOCKER_HOST, or the usual places */
  dockerHost: string | null;
  stopTasksOnExit: boolean;
  /** keep a socket open by which the broker calls, so that an idle node need not poll often */
  wake: boolean;
  /** where /healthz, /metrics and /status are; null: nowhere */
  listen: Endpoint | null;
  /** `drain`, `uninstall`: when what still runs is stopped; null: however long it takes */
  deadlineMs: number | null;
  /** `install`, `uninstall`: only say what would be done */
  dryRun: boolean;
  /** `uninstall`: the data folder too */
  purge: boolean;
  /** `install`: how this program is called, for the unit; null: as it was called now */
  program: string | null;
  /** the file that was read, or would have been */
  configFile: string;
  json: boolean;
}

/** A sentence for a person; the agent ends with exit code 64. */
export class UsageError extends Error {}

const DEFAULT_MAX_OUTPUT = "64MiB";
const DEFAULT_MAX_FETCH = "1GiB";
const DEFAULT_FETCH_FROM = "http,https";
const CONFIG_FILE = "agent.json";
const ATTRIBUTE_NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,62}$/;
/** A sandbox has four of its own. */
const LEAST_PIDS = 16;
/** The node's own are told besides. */
const MAX_OWN_RESOURCES = MAX_RESOURCES - 8;
const MAX_LABELS = MAX_ATTRIBUTES - 28;

/** name → how it is written; what may be repeated is a list in the config file and comma-separated in the environment */
const SETTINGS = {
  url: { type: "string" },
  token: { type: "string" },
  name: { type: "string" },
  data: { type: "string" },
  "run-dir": { type: "string" },
  config: { type: "string" },
  "ca-file": { type: "string" },
  "run-as": { type: "string" },
  program: { type: "string" },
  cpus: { type: "string" },
  mem: { type: "string" },
  disk: { type: "string" },
  resource: { type: "string", multiple: true },
  ports: { type: "string" },
  label: { type: "string", multiple: true },
  roles: { type: "string" },
  drivers: { type: "string" },
  "max-pids": { type: "string" },
  "cpu-quota": { type: "boolean" },
  "max-output": { type: "string" },
  "fetch-from": { type: "string" },
  "max-fetch": { type: "string" },
  volumes: { type: "string" },
  "docker-host": { type: "string" },
  "stop-tasks-on-exit": { type: "boolean" },
  "no-wake": { type: "boolean" },
  listen: { type: "string" },
  deadline: { type: "string" },
  "dry-run": { type: "boolean" },
  purge: { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "v" },
} as const;
type Setting = keyof typeof SETTINGS;
export type Value = string | boolean | string[];
type Values = { [name in Setting]?: Value };

/** Said once, to one command: they have no place in a config file. The token is used up by joining. */
const OF_A_COMMAND = ["program", "token", "data", "config", "deadline", "dry-run", "purge", "json", "help", "version"];
const PATHS = ["ca-file", "run-dir"];
const NAMES = Object.keys(SETTINGS);
const isSetting = (name: string): name is Setting => NAMES.includes(name);
const isRepeated = (name: Setting): boolean => "multiple" in SETTINGS[name];

/** `--run-as` is HANSA_AGENT_RUN_AS. */
const variableOf = (name: string): string => `HANSA_AGENT_${name.toUpperCase().replaceAll("-", "_")}`;

/** @throws UsageError */
export function readOptions(argv: string[], environment: NodeJS.ProcessEnv, uid: number): AgentOptions {
  const { positionals, values: flags } = parseFlags(argv);
  const [word = "help", ...more] = positionals;
  const command = flags.help ? "help" : flags.version ? "version" : COMMANDS.find((name) => name === word);
  if (!command) throw new UsageError(`there is no command "${word}"; one of ${COMMANDS.join(", ")}`);
  if (more.length > 0) throw new UsageError(`"${more[0]}" is one word too many after ${word}`);

  const spoken: Values = { ...fromEnvironment(environment), ...flags };
  const data = resolve(text(spoken, "data") ?? defaultData(environment, uid));
  const named = text(spoken, "config");
  const configFile = resolve(named ?? join(data, CONFIG_FILE));
  // `install` writes it
  const values: Values = { ...fromFile(configFile, named !== null && command !== "install"), ...spoken };

  return {
    command,
    url: urlOf(text(values, "url")),
    token: text(values, "token"),
    name: nameOf(text(values, "name")),
    data,
    runFolder: text(values, "run-dir"),
    caFile: text(values, "ca-file"),
    runAs: text(values, "run-as"),
    resources: resourcesOf(values),
    ports: portsOf(text(values, "ports") ?? DEFAULT_PORTS),
    labels: labelsOf(list(values, "label")),
    roles: text(values, "roles") === null ? null : words(text(values, "roles")),
    drivers: driversOf(text(values, "drivers")),
    limits: { pids: pidsOf(text(values, "max-pids")), cpuQuota: isOn(values, "cpu-quota") },
    maxOutputBytes: bytesOf("max-output", text(values, "max-output") ?? DEFAULT_MAX_OUTPUT),
    fetch: {
      allowed: allowedOf(text(values, "fetch-from") ?? DEFAULT_FETCH_FROM),
      mostBytes: bytesOf("max-fetch", text(values, "max-fetch") ?? DEFAULT_MAX_FETCH),
    },
    volumes: volumesOf(text(values, "volumes")),
    dockerHost: text(values, "docker-host"),
    stopTasksOnExit: isOn(values, "stop-tasks-on-exit"),
    wake: !isOn(values, "no-wake"),
    listen: listenOf(text(values, "listen")),
    deadlineMs: deadlineOf(text(values, "deadline")),
    dryRun: isOn(values, "dry-run"),
    purge: isOn(values, "purge"),
    program: text(values, "program"),
    configFile,
    json: isOn(values, "json"),
  };
}

/** What is to be kept in a config file of what was said by flags and environment, whole paths since that has no folder. */
export function lastingSettings(argv: string[], environment: NodeJS.ProcessEnv): Record<string, Value> {
  const spoken: Values = { ...fromEnvironment(environment), ...parseFlags(argv).values };
  return Object.fromEntries(
    Object.entries(spoken)
      .filter(([name]) => !OF_A_COMMAND.includes(name))
      .map(([name, value]) => [name, PATHS.includes(name) ? resolve(String(value)) : value]),
  );
}

/** The config file is not where the agent looks by itself. */
export const isConfigNamed = (argv: string[], environment: NodeJS.ProcessEnv): boolean =>
  "config" in { ...fromEnvironment(environment), ...parseFlags(argv).values };

function parseFlags(argv: string[]): { positionals: string[]; values: Values } {
  try {
    return parseArgs({ args: argv, options: SETTINGS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

function fromEnvironment(environment: NodeJS.ProcessEnv): Values {
  const values: Values = {};
  for (const name of NAMES) {
    const value = environment[variableOf(name)];
    if (value !== undefined && isSetting(name)) values[name] = isRepeated(name) ? words(value) : value;
  }
  return values;
}

/** @param asked a file that was named must be there */
function fromFile(path: string, asked: boolean): Values {
  const content = readIfThere(path);
  if (content === null && !asked) return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(content ?? readFileSync(path, "utf8"));
  } catch (error) {
    throw new UsageError(`${path}: ${messageOf(error)}`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new UsageError(`${path}: must be an object like {"cpus": 2, "label": ["zone=a"]}`);
  }
  const values: Values = {};
  for (const [written, value] of Object.entries(parsed)) {
    const name = written.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (!isSetting(name)) throw new UsageError(`${path}: there is no setting "${written}"; one of ${NAMES.join(", ")}`);
    values[name] = settingOf(value);
  }
  return values;
}

/** `{"zone": "a"}` is `["zone=a"]`. */
function settingOf(value: unknown): Value {
  if (Array.isArray(value)) return value.map(String);
  if (typeof value === "object" && value !== null)
    return Object.entries(value).map(([name, part]) => `${name}=${part}`);
  return typeof value === "boolean" ? value : String(value);
}

const text = (values: Values, name: Setting): string | null => {
  const value = values[name];
  if (value === undefined) return null;
  return Array.isArray(value) ? value.join(",") : String(value);
};
const list = (values: Values, name: Setting): string[] => {
  const value = values[name];
  return Array.isArray(value) ? value : value === undefined ? [] : [String(value)];
};
const isOn = (values: Values, name: Setting): boolean => ["true", "1", "yes"].includes(String(values[name] ?? ""));
const words = (value: string | null): string[] =>
  (value ?? "")
    .split(",")
    .map((word) => word.trim())
    .filter(Boolean);

function defaultData(environment: NodeJS.ProcessEnv, uid: number): string {
  if (uid === 0) return "/var/lib/hansa-agent";
  return join(environment.XDG_DATA_HOME ?? join(homedir(), ".local/share"), "hansa-agent");
}

function urlOf(value: string | null): string | null {
  if (value === null) return null;
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
    throw new UsageError(`--url ${value}: write it like https://hansa.example.org`);
  }
  return value;
}

function listenOf(value: string | null): Endpoint | null {
  if (value === null || value === "none") return null;
  const endpoint = parseEndpoint(value);
  if (endpoint === null)
    throw new UsageError(`--listen ${value}: only on loopback, like 127.0.0.1:9464 or [::1]:9464, or none`);
  return endpoint;
}

function deadlineOf(value: string | null): number | null {
  if (value === null) return null;
  const ms = parseDuration(value);
  if (ms === null) throw new UsageError(`--deadline ${value}: write it like 30s, 10m or 1h30m`);
  if (ms > MAX_DEADLINE_MS)
    throw new UsageError(`--deadline ${value}: ${formatDuration(MAX_DEADLINE_MS)} at most; without one it has no end`);
  return ms;
}

/** A wish: the cluster adds a number when another node has it. */
function nameOf(value: string | null): string {
  if (value !== null && !NAME.test(value)) {
    throw new UsageError(`--name ${value}: lower-case letters, digits and hyphens, at most 63`);
  }
  if (value !== null) return value;
  const own = hostname().split(".")[0] ?? "";
  const name = own
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 63)
    .replace(/^-+|-+$/g, "");
  return name || "node";
}

function resourcesOf(values: Values): Record<string, number> {
  const resources: Record<string, number> = {};
  const set = (name: string, value: string, flag: string) => {
    const amount = RESOURCE_NAME.test(name) ? parseAmount(name, value) : null;
    if (amount === null) throw new UsageError(`${flag}: "${value}" is not an amount; write it like 0.5, 4 or 8GiB`);
    resources[name] = amount;
  };
  for (const name of ["cpus", "mem", "disk"] as const) {
    const value = text(values, name);
    if (value !== null) set(name, value, `--${name}`);
  }
  for (const pair of list(values, "resource")) {
    const [name = "", value] = split(pair);
    if (value === undefined) throw new UsageError(`--resource ${pair}: write it like licences=4`);
    if (name === "ports") throw new UsageError(`--resource ${pair}: say which ones, like --ports ${DEFAULT_PORTS}`);
    set(name, value, `--resource ${pair}`);
  }
  if ((resources.gpus ?? 0) % 1000 > 0)
    throw new UsageError("--resource gpus: devices are whole, numbered from 0; write it like gpus=4");
  if ((resources.gpus ?? 0) > MAX_GPUS * 1000)
    throw new UsageError(`--resource gpus: a node has ${MAX_GPUS} at most; write how many devices, like gpus=4`);
  if (Object.keys(resources).length > MAX_OWN_RESOURCES)
    throw new UsageError(`--resource: ${MAX_OWN_RESOURCES} names at most; leave out what no task asks for`);
  return resources;
}

function bytesOf(flag: Setting, written: string): number {
  const milliMib = parseAmount("mem", written);
  if (milliMib === null || milliMib === 0) throw new UsageError(`--${flag} "${written}": write it like 64MiB`);
  return Math.ceil((milliMib / 1000) * 2 ** 20);
}

function allowedOf(written: string): Allowed {
  const schemes: Allowed["schemes"][number][] = [];
  const folders: string[] = [];
  for (const word of words(written)) {
    if (word === "http" || word === "https") schemes.push(word);
    else if (word.startsWith("/")) folders.push(resolve(word));
    else if (word !== "none")
      throw new UsageError(`--fetch-from ${word}: http, https, whole paths of folders, several with commas, or none`);
  }
  return { schemes, folders };
}

function volumesOf(written: string | null): AllowedVolume[] {
  return words(written)
    .filter((word) => word !== "none")
    .map((word) => {
      const isReadOnly = word.endsWith(":ro");
      const folder = isReadOnly ? word.slice(0, -":ro".length) : word;
      if (!folder.startsWith("/"))
        throw new UsageError(`--volumes ${word}: whole paths of folders, several with commas, like /srv/data:ro`);
      return { folder: resolve(folder), isReadOnly };
    });
}

function portsOf(written: string): PortRange[] {
  const ranges = parsePorts(written);
  if (ranges === null)
    throw new UsageError(`--ports "${written}": write it like ${DEFAULT_PORTS}, several with commas, or none`);
  return ranges;
}

function labelsOf(pairs: string[]): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const pair of pairs) {
    const [name = "", value = ""] = split(pair);
    if (!ATTRIBUTE_NAME.test(name) || value.length > 256) throw new UsageError(`--label ${pair}: write it like zone=a`);
    labels[name] = value;
  }
  if (Object.keys(labels).length > MAX_LABELS)
    throw new UsageError(`--label: ${MAX_LABELS} at most; leave out what no rule asks for`);
  return labels;
}

const split = (pair: string): string[] => {
  const at = pair.indexOf("=");
  return at < 0 ? [pair] : [pair.slice(0, at), pair.slice(at + 1)];
};

function driversOf(value: string | null): DriverName[] | null {
  if (value === null) return null;
  return words(value).map((word) => {
    const name = DRIVERS.find((one) => one === word);
    if (!name) throw new UsageError(`--drivers ${word}: there is no such driver; one of ${DRIVERS.join(", ")}`);
    return name;
  });
}

function pidsOf(value: string | null): number {
  if (value === null) return DEFAULT_LIMITS.pids;
  if (!/^[1-9]\d{0,6}$/.test(value) || Number(value) < LEAST_PIDS)
    throw new UsageError(`--max-pids ${value}: write a number like ${DEFAULT_LIMITS.pids}, ${LEAST_PIDS} or more`);
  return Number(value);
}

/** The token itself, however it was given. @throws UsageError */
export function readToken(given: string): string {
  const [kind, where] = [given.slice(0, given.indexOf(":")), given.slice(given.indexOf(":") + 1)];
  try {
    if (kind === "file") return readFileSync(where, "utf8").trim();
    if (kind === "fd") return readFileSync(Number(where), "utf8").trim();
  } catch (error) {
    throw new UsageError(`--token ${given}: ${messageOf(error)}`);
  }
  return given;
}
