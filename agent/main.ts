/** The `hansa-agent` command. */
import { runAgent } from "./host/agent.ts";
import { bootId } from "./host/clock.ts";
import { examine } from "./host/doctor.ts";
import { EXIT } from "./host/exitCodes.ts";
import { messageOf } from "./host/files.ts";
import { findRunFolder, makeDataFolder } from "./host/folders.ts";
import { type Identity, readIdentity } from "./host/identity.ts";
import { join } from "./host/join.ts";
import { releaseLock, takeLock } from "./host/journal/lock.ts";
import { type Log, stderrLog } from "./host/log.ts";
import { type AgentOptions, readOptions, readToken, UsageError } from "./host/options.ts";
import { taskUser } from "./host/process/user.ts";
import { askStatus } from "./host/statusSocket.ts";
import { VERSION } from "./version.ts";

const HELP = `hansa-agent ${VERSION}: lends this machine to a Hansa cluster

  hansa-agent run     [--url U --token T]   work until told to stop; joins first if it has not
  hansa-agent join     --url U --token T    become a node: T is a join token, file:PATH or fd:N
  hansa-agent status  [--json]              ask the running agent
  hansa-agent doctor                        check every hop to the broker, and this machine
  hansa-agent version

What this node is called and has (default: the machine's own)
  --name NAME          the cluster adds a number when another node has it
  --cpus 4  --mem 8GiB  --disk 100GiB  --resource licences=2 (again for more)
  --resource gpus=4    whole devices, numbered from 0; default what nvidia-smi lists
  --ports 31000-32000  that tasks may be given, several with commas, or none; default as shown
  --label zone=a       an attribute for constraints (again for more)
What it accepts
  --roles a,b          only tasks of these roles
  --drivers a,b        of process, sandbox, docker; default those that work here
  --max-pids 4096      processes and threads of one task
  --cpu-quota          cpus are a limit; default a weight: a task may use what is idle
  --run-as USER        whom tasks run as; default nobody if the agent is root, else the agent's user
Where
  --data DIR           default /var/lib/hansa-agent for root, else ~/.local/share/hansa-agent
  --run-dir DIR        default on a tmpfs: it must not outlive the boot
  --config FILE        default agent.json in the data folder: {"cpus": 2, "label": ["zone=a"]}
  --no-wake            poll all the time instead of keeping a socket by which the broker calls
  --ca-file FILE       trust these authorities too; HTTPS_PROXY and NO_PROXY are honoured
Stopping
  TERM or INT end the agent; its tasks live on and the next agent takes them over.
  --stop-tasks-on-exit stops them first, reports that, and ends the guard

Each flag is also HANSA_AGENT_NAME in the environment (--run-as: HANSA_AGENT_RUN_AS) and a name in the config file.
Flags win over the environment, that over the file. Exit codes: 0 stopped · 2 start it again · 5 do not (removed, or
join anew) · 64 usage.
`;

const JOIN_TRIES = 8;
const LOCK_FILE = "lock";

async function main(argv: string[]): Promise<number> {
  if (process.platform !== "linux") throw new UsageError("the agent needs Linux");
  const options = readOptions(argv, process.env, process.getuid?.() ?? 0);
  const log = stderrLog(process.env);
  switch (options.command) {
    case "help":
      process.stdout.write(HELP);
      return EXIT.ok;
    case "version":
      process.stdout.write(`${VERSION}\n`);
      return EXIT.ok;
    case "status":
      return status(options);
    case "doctor":
      return doctor(options);
    case "join":
      return holdingLock(options, log, async () => {
        const joined = await joinNow(options, log);
        if ("message" in joined) return giveUp(joined, log);
        process.stdout.write(`joined as ${joined.node} of ${joined.cluster} in ${joined.league}\n`);
        return EXIT.ok;
      });
    case "run":
      return holdingLock(options, log, () => run(options, log));
  }
}

/** Only one agent at a time uses a data folder. */
async function holdingLock(options: AgentOptions, log: Log, work: () => Promise<number>): Promise<number> {
  makeDataFolder(options.data, taskUser(options.runAs));
  const path = `${options.data}/${LOCK_FILE}`;
  const holder = takeLock(path, bootId());
  if (holder) {
    log("error", `another agent, process ${holder.pid}, uses ${options.data}`);
    return EXIT.retry;
  }
  try {
    return await work();
  } finally {
    releaseLock(path, bootId());
  }
}

async function joinNow(options: AgentOptions, log: Log): Promise<Identity | { message: string; final: boolean }> {
  const { url, token, name, data, caFile } = options;
  if (url === null || token === null) throw new UsageError("joining needs --url and --token");
  return join({ url, token: readToken(token), name, data, caFile, environment: process.env, log, tries: JOIN_TRIES });
}

function giveUp({ message, final }: { message: string; final: boolean }, log: Log): number {
  log("error", `not joined: ${message}`);
  return final ? EXIT.stay : EXIT.retry;
}

async function run(options: AgentOptions, log: Log): Promise<number> {
  const identity = readIdentity(options.data) ?? (await joinNow(options, log));
  if ("message" in identity) return giveUp(identity, log);
  const user = taskUser(options.runAs);
  // the broker may have moved since
  const agent = await runAgent(options, { ...identity, url: options.url ?? identity.url }, user, log);
  // a defect must end the agent: its supervisor starts one that reads its journal
  process.on("uncaughtException", (error) => {
    log("error", `internal error: ${error.stack ?? error.message}`);
    process.exit(EXIT.retry);
  });
  let asked = false;
  const stop = () => {
    if (asked) process.exit(EXIT.ok);
    asked = true;
    void agent.stop(options.stopTasksOnExit);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  // a terminal that closes is no reason to stop
  process.on("SIGHUP", () => {});
  return agent.ended;
}

async function status(options: AgentOptions): Promise<number> {
  const run = findRunFolder(options.runFolder, options.data, process.getuid?.() ?? 0, process.env);
  const line = await askStatus(run);
  if (line === null) {
    process.stderr.write(`no agent runs on ${options.data}\n`);
    return EXIT.unwell;
  }
  process.stdout.write(options.json ? `${line}\n` : `${JSON.stringify(JSON.parse(line), null, 2)}\n`);
  return EXIT.ok;
}

async function doctor(options: AgentOptions): Promise<number> {
  const user = taskUser(options.runAs);
  makeDataFolder(options.data, user);
  const identity = readIdentity(options.data);
  const findings = await examine(options, options.url ?? identity?.url ?? null, identity, user);
  for (const { hop, level, detail } of findings) {
    process.stdout.write(
      options.json ? `${JSON.stringify({ hop, level, detail })}\n` : `${level.padEnd(5)}${hop.padEnd(12)}${detail}\n`,
    );
  }
  return findings.some(({ level }) => level === "fail") ? EXIT.unwell : EXIT.ok;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`hansa-agent: ${messageOf(error)}\n`);
    process.exit(error instanceof UsageError ? EXIT.usage : EXIT.retry);
  },
);
