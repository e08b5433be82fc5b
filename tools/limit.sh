# shellcheck shell=sh
# A limit on a command, for scripts that read this file (. tools/limit.sh).
#
#   limited SECONDS COMMAND...    its exit code; 124: it took longer and was ended, with all that it had started
#
# Where the system has no timeout there is no limit, and Ctrl-C ends the command alone.
#
# timeout makes a process group for that, and Ctrl-C at a terminal does not reach it; nor does a shell hear a signal
# before its foreground command has ended. So the command runs in the background, and who waits hands the signal on.
running=
trap '[ -z "$running" ] || { kill "$running"; wait "$running"; }; exit 130' INT TERM

limited() {
    seconds=$1
    shift
    if command -v timeout >/dev/null 2>&1; then
        timeout -k 5 "$seconds" "$@" &
    else
        "$@" &
    fi
    running=$!
    wait "$running"
    set -- $?
    running=
    return "$1"
}
