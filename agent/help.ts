/** What `hansa-agent help` says. */
import { VERSION } from "./version.ts";

export const HELP = `hansa-agent ${VERSION}: lends this machine to a Hansa cluster

  hansa-agent install  --url U --token T    make this machine a node that stays one: config, join, start at boot
  hansa-agent uninstall [--purge]           end the agent with its tasks and take its unit away
  hansa-agent run     [--url U --token T]   work until told to stop; joins first if it has not
  hansa-agent join     --url U --token T    become a node: T is a join token, file:PATH or fd:N
  hansa-agent status  [--json]              ask the running agent
  hansa-agent drain   [--deadline 10m]      take nothing new, wait until what runs has ended, then end the agent
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
  --fetch-from a,b     what tasks may have fetched: http, https and folders of this machine, or none; default http,https
  --max-fetch 1GiB     of what a task has fetched, unpacked
  --volumes /a,/b:ro   folders of this machine that containers may have; default none
  --docker-host URL    the container daemon's socket; default DOCKER_HOST, else where Docker or podman listen
  --max-pids 4096      processes and threads of one task
  --cpu-quota          cpus are a limit; default a weight: a task may use what is idle
  --run-as USER        whom tasks run as; default nobody if the agent is root, else the agent's user
  --max-output 64MiB   of stdout and of stderr a task keeps so much; what it prints beyond is dropped
Where
  --data DIR           default /var/lib/hansa-agent for root, else ~/.local/share/hansa-agent
  --run-dir DIR        default on a tmpfs: it must not outlive the boot
  --config FILE        default agent.json in the data folder: {"cpus": 2, "label": ["zone=a"]}
  --no-wake            poll all the time instead of keeping a socket by which the broker calls
  --listen ADDR        /healthz, /metrics and /status there, like 127.0.0.1:9464; only loopback; default nowhere
  --ca-file FILE       trust these authorities too; HTTPS_PROXY and NO_PROXY are honoured
Stopping
  TERM or INT          end the agent; its tasks live on and the next agent takes them over
  QUIT                 stop the tasks, report that, then end agent and guard
  any of these again   end at once; tasks live on until their deadlines
  HUP                  read the config file again: resources, ports, labels, roles, drivers
  USR1                 write the status to the log
  --stop-tasks-on-exit TERM and INT stop the tasks first too
  --deadline 10m       of drain: then what still runs is stopped; default as long as it takes (uninstall: at once)
  --dry-run            of install and uninstall: only say what would be done
  --program PATH       of install: how the unit shall call this program

Each flag is also HANSA_AGENT_NAME in the environment (--run-as: HANSA_AGENT_RUN_AS) and a name in the config file.
Flags win over the environment, that over the file. Exit codes: 0 ended or drained as asked · 1 not well (doctor,
status) · 2 start it again · 5 do not (removed, or join anew) · 64 usage.
`;
