# shellcheck shell=bash
# What the demos share: processes that are stopped again, the build, Ringway itself. Sourced by
# deploy/local/demo, which sets ROOT, HERE, BUILD, RINGWAY, CLIENT, KEPT and KEEP.

fail()
{
    echo "demo: $*" >&2
    exit 1
}

# --- processes: each is known by its pid and start time, so that a pid is never mistaken -------

started_at()
{
    # Field 22, counted after the command's name, which may hold spaces.
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

is_running()
{
    [ -n "$2" ] && [ "$(started_at "$1")" = "$2" ]
}

# start NAME COMMAND...: in the background, in a session of its own, logging to DIR/NAME.log.
start()
{
    local name=$1 pid
    shift
    setsid "$@" >"$DIR/$name.log" 2>&1 </dev/null &
    pid=$!
    disown "$pid"
    echo "$pid $(started_at "$pid") $name" >>"$DIR/pids"
}

# wait_stopped PID STARTED: wait up to five seconds, then insist.
wait_stopped()
{
    local i
    for i in {1..50}; do
        is_running "$1" "$2" || return 0
        if [ "$i" -eq 50 ]; then
            kill -KILL "$1" 2>/dev/null || true
        fi
        sleep 0.1
    done
}

# stop_named DIR [NAME]: stop NAME, or everything, that was started in DIR; the newest first.
stop_named()
{
    local dir=$1 only=${2:-} pid started name
    local -a stopping=()
    [ -f "$dir/pids" ] || return 0
    while read -r pid started name; do
        if { [ -z "$only" ] || [ "$only" = "$name" ]; } && is_running "$pid" "$started"; then
            kill "$pid" 2>/dev/null || true
            stopping+=("$pid $started")
        fi
    done < <(tac "$dir/pids")
    for name in "${stopping[@]}"; do
        # shellcheck disable=SC2086 # two words
        wait_stopped $name
    done
}

stop_kept()
{
    if [ ! -d "$KEPT" ] || [ ! -O "$KEPT" ]; then
        return 1
    fi
    stop_named "$KEPT"
    rm -rf "$KEPT"
}

cleanup()
{
    local rc=$?
    trap - EXIT INT TERM
    if [ -n "${DIR:-}" ] && [ "$FINISHED" != kept ]; then
        if [ "$rc" -eq 130 ] || [ "$rc" -eq 143 ]; then
            FINISHED=yes # as the user wished
        elif [ "$rc" -ne 0 ] && [ -s "$DIR/ringway.log" ]; then
            echo "demo: the end of Ringway's log:" >&2
            tail -n 20 "$DIR/ringway.log" >&2
        fi
        stop_named "$DIR"
        rm -rf "$DIR"
        if [ "$FINISHED" = yes ]; then
            echo "Stopped: nothing is left running."
        fi
    fi
    exit "$rc"
}

# --- steps --------------------------------------------------------------------------------------

# logged WHAT COMMAND...: run quietly; show the end of the output if it fails.
logged()
{
    local what=$1 begin=$SECONDS
    shift
    printf '   %-9s ' "$what"
    if ! "$@" >"$DIR/$what.log" 2>&1; then
        echo "failed"
        tail -n 30 "$DIR/$what.log" >&2
        exit 1
    fi
    echo "done in $((SECONDS - begin)) s"
}

build()
(
    options=()
    if [ ! -f "$BUILD/CMakeCache.txt" ]; then
        options+=(-DBUILD_TESTING=OFF) # the tests need packages that the demo does not
    fi
    if command -v ccache >/dev/null; then
        options+=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
    fi
    cd "$ROOT" && cmake --preset release "${options[@]}" &&
        cmake --build --preset release --target ringway ringway-demo-client
)

# admin PATH: one GET of the admin server; prints head and body.
admin()
{
    (
        exec 3<>"/dev/tcp/127.0.0.1/$ADMIN_PORT"
        printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$1" >&3
        timeout 2 cat <&3
    ) 2>/dev/null
}

start_ringway()
{
    local i pid started
    "$RINGWAY" -c "$DIR/ringway.yaml" --check >"$DIR/check.log" 2>&1 || {
        cat "$DIR/check.log" >&2
        fail "Ringway does not accept its configuration"
    }
    start ringway "$RINGWAY" -c "$DIR/ringway.yaml"
    read -r pid started _ < <(tail -n 1 "$DIR/pids")
    for i in {1..100}; do
        if admin /readyz | head -n 1 | grep -q '^HTTP/1.1 200'; then
            return 0
        fi
        is_running "$pid" "$started" || fail "Ringway ended while it started"
        sleep 0.05
    done
    fail "Ringway was not ready after five seconds"
}

percent()
{
    awk -v part="$1" -v whole="$2" 'BEGIN { printf "%.1f %%", whole ? part * 100 / whole : 0 }'
}
