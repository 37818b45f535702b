/**
 * The guard: a shell that outlives the agent and ends attempts at their deadlines, whatever became of the agent. About
 * 2 MB, one `sleep` a second, else builtins only. It believes nothing but the clock, the deadlines file and /proc.
 *
 * Arguments: run folder · tasks folder · folder of the cgroups or "" · uid of the tasks · version.
 */
import { CLOSED_FOLDER } from "../docker/gate.ts";
import { HOME } from "../docker/spec.ts";
import { GUARD_MARK } from "../process/folder.ts";
import { RUN_FILE, WORK_FOLDER } from "../process/shim.ts";

export const DEADLINES_FILE = "deadlines";
export const BEAT_FILE = "beat";
/** Names the newest guard; an older one that still lives ends by it. */
const OWNER_FILE = "guard";
/** Rounds without anything to watch over and without an agent after which it ends. */
const IDLE_ROUNDS = 60;

/** What process 1 is while systemd ends all others, cut as the kernel cuts it. */
export const SHUTDOWN_COMMAND = "systemd-shutdow";

export const GUARD_SCRIPT = `
set -f
trap '' HUP INT QUIT USR1 USR2 PIPE TSTP
exec 2>/dev/null
# it ends by TERM only with the machine, and only when it has nothing left to do: systemd waits for it, 90 s long
shutdown=
trap 'read -r init </proc/1/comm; [ "$init" != ${SHUTDOWN_COMMAND} ] || shutdown=1' TERM
run=$1 tasks=$2 cgroups=$3 uid=$4 version=$5
list= agent= agentseen= idle=0

# same PID SEEN: that process, not a later one with its number; its state in $state
same() {
  state=
  read -r stat <"/proc/$1/stat" || return 1
  set -- "$2" \${stat##*) }
  state=$2
  [ "\${21}" -le "$1" ]
}

alive() {
  same "$1" "$2" || return 1
  case $state in Z|X) return 1 ;; esac
}

owned() {
  while read -r name value _; do
    [ "$name" = Uid: ] && { [ "$value" = "$uid" ]; return; }
  done <"/proc/$1/status"
  return 1
}

# populated: something lives in $cgroup; version 1 lists dead ones no more and has no word for it
populated() {
  [ -n "$cgroups" ] && [ -n "$cgroup" ] || return 1
  if [ ! -e "$cgroups/$cgroup/cgroup.events" ]; then
    read -r member <"$cgroups/$cgroup/cgroup.procs"
    return
  fi
  while read -r name value; do
    [ "$name" = populated ] && { [ "$value" = 1 ]; return; }
  done <"$cgroups/$cgroup/cgroup.events"
  return 1
}

# container KEY TERM-KILL-OR-LOOK: that of the attempt, whose run file is the agent's alone
container() {
  pids=
  if [ "$word" = start ] && [ "$pid" -gt 1 ]; then
    # its first process: the rest ends with it
    alive "$pid" "\${up%.*}\${up#*.}" || return
    pids=$pid
  else
    # an agent died between start and writing it down: known by the folder that it works in; and it may be still to start
    if [ "$2" = KILL ] && [ -d "$tasks/$1/${WORK_FOLDER}" ]; then
      mv "$tasks/$1/${WORK_FOLDER}" "$tasks/$1/${CLOSED_FOLDER}"
    fi
    set +f
    for entry in /proc/[1-9]*; do
      for name in ${WORK_FOLDER} ${CLOSED_FOLDER}; do
        [ "$entry/root${HOME}" -ef "$tasks/$1/$name" ] && pids="$pids \${entry#/proc/}"
      done
    done
    set -f
    [ -n "$pids" ] || return
  fi
  busy=1
  [ "$2" = LOOK ] && return
  [ "$2" = TERM ] && [ -e "$tasks/$1/${GUARD_MARK}" ] && return
  echo "$2 $now" >>"$tasks/$1/${GUARD_MARK}"
  for member in $pids; do
    kill -s "$2" "$member"
    [ "$2" = TERM ] && kill -s CONT "$member"
  done
}

# end KEY TERM-KILL-OR-LOOK; sets $busy if it lives
end() {
  kind= word= pid=0 up= over= group= orphans= inside= cgroup=
  {
    read -r kind cgroup
    read -r word pid up _
    # the task is over: then only its shim, which waits for the next, and what it left behind are there to be ended
    while read -r last _; do [ "$last" = exit ] && over=1; done
  } <"$tasks/$1/${RUN_FILE}"
  if [ "$kind" = container ]; then container "$1" "$2"; return; fi
  [ "$cgroup" = - ] && cgroup=
  if [ "$word" = start ] && [ "$pid" -gt 1 ]; then
    seen=\${up%.*}\${up#*.}
    if alive "$pid" "$seen"; then owned "$pid" && group=$pid
    elif same "$pid" "$seen" || [ ! -e "/proc/$pid" ]; then orphans=$pid; fi
  fi
  populated && inside=1
  if [ -z "$group$inside" ]; then
    # the leader is dead, perhaps not its group
    [ "$2" = KILL ] && [ -n "$orphans" ] && kill -s KILL -- "-$orphans"
    return
  fi
  busy=1
  [ "$2" = LOOK ] && return
  if [ "$2" = TERM ]; then
    [ -e "$tasks/$1/${GUARD_MARK}" ] && return
    [ -n "$over" ] || echo "TERM $now" >"$tasks/$1/${GUARD_MARK}"
    if [ -n "$inside" ]; then
      while read -r member; do kill -s TERM "$member"; kill -s CONT "$member"; done <"$cgroups/$cgroup/cgroup.procs"
    else
      kill -s TERM -- "-$group"; kill -s CONT -- "-$group"
    fi
  else
    [ -n "$over" ] || echo "KILL $now" >>"$tasks/$1/${GUARD_MARK}"
    if [ -z "$inside" ]; then :
    elif [ -e "$cgroups/$cgroup/cgroup.kill" ]; then echo 1 >"$cgroups/$cgroup/cgroup.kill"
    else while read -r member; do kill -s KILL "$member"; done <"$cgroups/$cgroup/cgroup.procs"; fi
    [ -n "$group" ] && kill -s KILL -- "-$group"
  fi
}

cd /
[ -n "$cgroups" ] && echo 0 >"$cgroups/guard/cgroup.procs"
echo "$$" >"$run/${OWNER_FILE}"
while :; do
  owner=$$
  read -r owner <"$run/${OWNER_FILE}"
  [ "$owner" = "$$" ] || exit 0
  read -r now _ </proc/uptime
  now=\${now%.*}\${now#*.}
  echo "$$ $now $version" >"$run/${BEAT_FILE}"
  fresh= head=
  while read -r first second third; do
    if [ "$first" = agent ]; then agent=$second agentseen=\${third% *} head=1
    else fresh="$fresh $first:$second:$third"; fi
  done <"$run/${DEADLINES_FILE}"
  # without the file it goes on with what it knew
  [ -n "$head" ] && list=$fresh
  busy=
  for entry in $list; do
    key=\${entry##*:} times=\${entry%:*}
    if [ "$now" -ge "\${times#*:}" ]; then end "$key" KILL
    else
      if [ -n "$shutdown" ]; then end "$key" LOOK; else busy=1; fi
      [ "$now" -ge "\${times%:*}" ] && end "$key" TERM
    fi
  done
  [ -n "$shutdown" ] && [ -z "$busy" ] && exit 0
  if [ -n "$busy" ] || { [ -n "$agent" ] && alive "$agent" "$agentseen"; }; then idle=0
  else
    idle=$((idle + 1))
    [ "$idle" -lt ${IDLE_ROUNDS} ] || exit 0
  fi
  sleep 1
done
`;
