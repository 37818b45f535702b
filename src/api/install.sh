#!/bin/sh
# Makes this machine a node of a Hansa cluster: fetches the agent, checks it, puts it in its place and starts it.
#
#   curl -fsSL BROKER/install | sh -s -- --token TOKEN [--name NAME] [--label zone=a] [--dry-run] [...]
#
# Run again it upgrades in place; the node stays who it is and its tasks live on. Every other word goes to
# `hansa-agent install`; what it understands, `hansa-agent help` says.
set -eu

BROKER=@BROKER@
# Where compiled agents are, with their SHA256SUMS; empty: the broker's own bundle, for Node 22 or later.
AGENT_URL=@AGENT_URL@
BUNDLE_SHA256=@BUNDLE_SHA256@
MIN_NODE=22

say() { printf '%s\n' "$*"; }

# What failed, and the next step.
fail() {
  printf 'install: %s\n' "$1" >&2
  printf 'next step: %s\n' "$2" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

fetch() {
  if has curl; then
    curl -fsSL -o "$2" "$1" || fail "$1 can't be fetched" "see what curl says above; behind a proxy set HTTPS_PROXY, with an authority of your own CURL_CA_BUNDLE; then run this again"
  elif has wget; then
    wget -q -O "$2" "$1" || fail "$1 can't be fetched (wget)" "try it by hand: wget $1; then run this again"
  else
    fail "there is neither curl nor wget" "install one of them and run this again"
  fi
}

sha256_of() {
  if has sha256sum; then
    set -- "$(sha256sum <"$1")"
  elif has shasum; then
    set -- "$(shasum -a 256 <"$1")"
  elif has openssl; then
    set -- "$(openssl dgst -sha256 -r <"$1")"
  else
    fail "nothing here computes a sha256, so the agent can't be checked" "install coreutils (sha256sum) and run this again"
  fi
  printf '%s' "${1%% *}"
}

# $1 file, $2 what it should be, $3 where it is from
check() {
  found=$(sha256_of "$1")
  [ "$found" = "$2" ] || fail "what came from $3 is not the agent: its sha256 is $found and should be $2; nothing was installed" "run this again; if it stays so, something on the way changes downloads: tell who runs the broker"
}

# Which compiled agent this machine takes.
artifact() {
  case $(uname -m) in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "there is no compiled agent for $(uname -m)" "use a machine with x86_64 or arm64" ;;
  esac
  libc=
  # musl's says so, and takes the question for a mistake
  case $(ldd --version 2>&1 || true) in *musl*) libc=-musl ;; esac
  for loader in /lib/ld-musl-*; do
    if [ -e "$loader" ]; then libc=-musl; fi
  done
  [ "$arch$libc" != arm64-musl ] || fail "there is no compiled agent for arm64 with musl" "use a distribution with glibc on this machine"
  printf 'hansa-agent-linux-%s%s' "$arch" "$libc"
}

# The line of $2 in the SHA256SUMS file $1.
listed() {
  while read -r sum name; do
    if [ "${name#\*}" = "$2" ]; then
      printf '%s' "$sum"
      return
    fi
  done <"$1"
}

# Fetches the agent to $work/agent, checked.
fetch_compiled() {
  name=$(artifact)
  fetch "$AGENT_URL/SHA256SUMS" "$work/SHA256SUMS"
  wanted=$(listed "$work/SHA256SUMS" "$name")
  [ -n "$wanted" ] || fail "$AGENT_URL/SHA256SUMS does not list $name" "tell who runs the broker: its AGENT_URL has no agent for this machine"
  fetch "$AGENT_URL/$name" "$work/agent"
  check "$work/agent" "$wanted" "$AGENT_URL/$name"
  say "fetched $name, sha256 as listed"
}

fetch_bundle() {
  if ! has node || ! node -e "process.exit(Number(process.versions.node.split('.')[0]) >= $MIN_NODE ? 0 : 1)"; then
    fail "this broker has no compiled agents (its AGENT_URL is not set), and there is no Node $MIN_NODE or later here" "install Node $MIN_NODE, or let who runs the broker set AGENT_URL; then run this again"
  fi
  node=$(node -p process.execPath)
  fetch "$BROKER/agent.cjs" "$work/agent"
  check "$work/agent" "$BUNDLE_SHA256" "$BROKER/agent.cjs"
  say "fetched the agent for Node ($node), sha256 as the broker knows it"
}

# $1 file to $2, whole or not at all, also while the old one runs
put() {
  mkdir -p "${2%/*}" 2>/dev/null || fail "${2%/*} can't be made" "make it writable for $(id -un), or run this as root"
  cp "$1" "$2.new" 2>/dev/null || fail "$2 can't be written" "make ${2%/*} writable for $(id -un) and see that its disk has room"
  chmod 755 "$2.new"
  mv "$2.new" "$2"
  say "wrote $2"
}

quoted() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }

main() {
  token=${HANSA_AGENT_TOKEN:-}
  dry_run=
  left=$#
  while [ "$left" -gt 0 ]; do
    word=$1
    shift
    left=$((left - 1))
    case $word in
      --token)
        [ "$left" -gt 0 ] || fail "--token has no token behind it" "make one with: hansa token create --join CLUSTER"
        token=$1
        shift
        left=$((left - 1))
        ;;
      --token=*) token=${word#--token=} ;;
      --dry-run) dry_run=yes ;;
      *) set -- "$@" "$word" ;;
    esac
  done

  [ "$(uname -s)" = Linux ] || fail "the agent needs Linux, and this is $(uname -s)" "run this on the machine that is to be a node"
  if [ "$(id -u)" = 0 ]; then
    prefix=/usr/local
  else
    [ -n "${HOME:-}" ] || fail "HOME is not set" "set it, or run this as root"
    prefix=$HOME/.local
  fi
  program=$prefix/bin/hansa-agent
  bundle=$prefix/lib/hansa-agent/hansa-agent.cjs

  work=$(mktemp -d) || fail "no temporary folder can be made" "see that \${TMPDIR:-/tmp} is writable and has room"
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM

  if [ -n "$AGENT_URL" ]; then
    fetch_compiled
    chmod 755 "$work/agent"
    cp "$work/agent" "$work/run"
  else
    fetch_bundle
    printf '#!/bin/sh\nexec %s %s "$@"\n' "$(quoted "$node")" "$(quoted "$work/agent")" >"$work/run"
    chmod 755 "$work/run"
  fi
  "$work/run" version >/dev/null || fail "the agent does not run on this machine" "see what it says above, and tell who runs the broker"

  if [ -n "$dry_run" ]; then
    say "would write $program"
    [ -n "$AGENT_URL" ] || say "would write $bundle"
    say "would then:"
    set -- "$work/run" install --dry-run --program "$program" --url "$BROKER" "$@"
  else
    if [ -n "$AGENT_URL" ]; then
      put "$work/agent" "$program"
    else
      put "$work/agent" "$bundle"
      printf '#!/bin/sh\nexec %s %s "$@"\n' "$(quoted "$node")" "$(quoted "$bundle")" >"$work/run"
      put "$work/run" "$program"
    fi
    case ":$PATH:" in
      *":${program%/*}:"*) ;;
      *) say "note: ${program%/*} is not in PATH" ;;
    esac
    set -- "$program" install --program "$program" --url "$BROKER" "$@"
  fi
  # not among the words: any user can read those
  HANSA_AGENT_TOKEN=$token
  [ -z "$token" ] || export HANSA_AGENT_TOKEN
  "$@" </dev/null
}

main "$@"
