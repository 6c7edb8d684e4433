# For scripts that need a sandbox server (source it; it needs bash):
#
#   start_sandbox [option...]   starts one, and points the extension at it through
#                               ORTTO_API_URL and ORTTO_API_KEY; sandbox_pid is its process
#   stop_sandbox                ends the last one; those left end with the script
#
# SANDBOX is the program to start.
# shellcheck shell=bash

start_sandbox() {
  local dir tries=0
  dir=$(mktemp -d)
  mkfifo "$dir/stdin"
  "${SANDBOX:-.build/ortto_sandbox}" --until-eof --port 0 "$@" <"$dir/stdin" >"$dir/stdout" &
  sandbox_pid=$!
  # While this script lives it holds the writing end, so the server cannot outlive it.
  exec {sandbox_stdin}>"$dir/stdin"
  until [ "$(wc -l <"$dir/stdout")" -gt 0 ]; do
    tries=$((tries + 1))
    if [ $tries -gt 600 ] || ! kill -0 "$sandbox_pid" 2>/dev/null; then
      echo "the sandbox did not start: $*" >&2
      rm -rf "$dir"
      return 1
    fi
    sleep 0.05
  done
  read -r ORTTO_API_URL <"$dir/stdout"
  export ORTTO_API_URL ORTTO_API_KEY=sandbox-key
  rm -rf "$dir"
}

stop_sandbox() {
  exec {sandbox_stdin}>&-
  kill "$sandbox_pid" 2>/dev/null
  wait "$sandbox_pid" 2>/dev/null
  return 0
}
