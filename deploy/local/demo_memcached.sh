# shellcheck shell=bash
# The memcached demo: four shards behind one address, a fifth that joins. Sourced by
# deploy/local/demo, for which it defines start_shard, write_configuration, show and commands_to_try.
# shellcheck disable=SC2153 # deploy/local/demo sets PORT

# start_shard NAME: a memcached on a port that it picks itself.
start_shard()
{
    local name=$1 file=$DIR/ports/$1 user=() i port
    mkdir -p "$DIR/ports" && chmod 1777 "$DIR/ports" # memcached, as nobody, writes its port here
    if [ "$(id -u)" -eq 0 ]; then
        user=(-u nobody) # memcached refuses to run as root
    fi
    MEMCACHED_PORT_FILENAME=$file start "$name" \
        memcached "${user[@]}" -l 127.0.0.1 -p -1 -U 0 -m 64 -c 1024 -t 1
    for i in {1..100}; do
        port=$(sed -n '0,/^TCP INET: /s/^TCP INET: //p' "$file" 2>/dev/null || true)
        if [ -n "$port" ]; then
            SHARDS+=("$name=127.0.0.1:$port")
            return 0
        fi
        if [ "$i" -eq 100 ]; then
            cat "$DIR/$name.log" >&2
            fail "shard $name did not start"
        fi
        sleep 0.05
    done
}

# write_configuration FILE: a pool of the shards so far.
write_configuration()
{
    local shard
    {
        echo "admin:"
        echo "  bind: 127.0.0.1:$ADMIN_PORT"
        echo "pools:"
        echo "  - name: demo"
        echo "    protocol: memcached"
        echo "    shards:"
        for shard in "${SHARDS[@]}"; do
            echo "      - name: ${shard%%=*}"
            echo "        replicas: [\"${shard#*=}\"]"
        done
        echo "listeners:"
        echo "  - bind: 127.0.0.1:$PORT"
        echo "    protocol: memcached"
        echo "    pool: demo"
    } >"$1"
}

# routes FILE: "KEY<TAB>SHARD" of every key, as Ringway would place it.
routes()
{
    seq -f 'user:%.0f' 1 "$N_KEYS" | "$RINGWAY" -c "$DIR/ringway.yaml" --route demo - |
        cut -f 1,2 >"$1"
}

# requests VERB: run the client through Ringway; sets HITS and TOOK.
requests()
{
    local result
    # The client's progress is on its standard error, and belongs between our own lines.
    { result=$("$CLIENT" "$1" "127.0.0.1:$PORT" "$N_KEYS" 2>&3) || fail "a request failed"; } 3>&1
    read -r HITS TOOK <<<"$result"
}

# table: what the shards themselves say they hold.
table()
{
    local shard name address items total=0 rows=()
    for shard in "${SHARDS[@]}"; do
        name=${shard%%=*}
        address=${shard#*=}
        read -r _ items < <("$CLIENT" items "$address") || fail "shard $name does not answer"
        total=$((total + items))
        rows+=("$name $address $items")
    done
    printf '\n   %-7s %-18s %9s %9s\n' "shard" "address" "keys" "share"
    for shard in "${rows[@]}"; do
        read -r name address items <<<"$shard"
        printf '   %-7s %-18s %9d %9s\n' "$name" "$address" "$items" "$(percent "$items" "$total")"
    done
    printf '   %-7s %-18s %9d\n\n' "total" "" "$total"
}

first_part()
{
    echo
    echo "1. $N_KEYS keys through one address, over ${#SHARDS[@]} shards"
    echo
    requests set
    echo "          $N_KEYS stored in $TOOK s"
    requests get
    echo "          $HITS hits in $TOOK s: hit rate $(percent "$HITS" "$N_KEYS")"
    table
}

second_part()
{
    local moved needless
    routes "$DIR/before"
    start_shard e
    write_configuration "$DIR/ringway.yaml"
    routes "$DIR/after"
    moved=$(paste "$DIR/before" "$DIR/after" | awk -F '\t' '$2 != $4' | wc -l)
    needless=$(paste "$DIR/before" "$DIR/after" | awk -F '\t' '$2 != $4 && $4 != "e"' | wc -l)

    echo "2. A fifth shard joins (Ringway restarts: it reads its configuration when it starts)"
    echo
    stop_named "$DIR" ringway
    start_ringway
    printf '   %-44s %7d  %s\n' "keys that moved to the new shard" $((moved - needless)) \
        "$(percent $((moved - needless)) "$N_KEYS")"
    printf '   %-44s %7d  %s\n' "the optimum: one key in ${#SHARDS[@]}" \
        $((N_KEYS / ${#SHARDS[@]})) "$(percent $((N_KEYS / ${#SHARDS[@]})) "$N_KEYS")"
    printf '   %-44s %7d\n' "keys that moved between old shards" "$needless"
    printf '   %-44s %7d  %s\n\n' "key modulo ${#SHARDS[@]} would have moved" \
        $((N_KEYS * (${#SHARDS[@]} - 1) / ${#SHARDS[@]})) \
        "$(percent $((${#SHARDS[@]} - 1)) ${#SHARDS[@]})"
    requests refill
    echo "          $HITS hits: hit rate $(percent "$HITS" "$N_KEYS"); misses were stored again"
    requests get
    echo "          $HITS hits: hit rate $(percent "$HITS" "$N_KEYS")"
    table
    echo "   The total is above $N_KEYS: the old shards still hold their copies of the keys that"
    echo "   moved, unread, until memcached needs the room."
}

show()
{
    first_part
    second_part
}

# commands_to_try RINGWAY CONFIGURATION
commands_to_try()
{
    cat <<NEXT
   $1 -c $2 --route demo user:1 user:2
   printf 'get user:1\r\nquit\r\n' | nc 127.0.0.1 $PORT
   printf 'mg user:1 s v t\r\nquit\r\n' | nc 127.0.0.1 $PORT
   printf 'stats\r\nquit\r\n' | nc 127.0.0.1 $PORT
   curl -s http://127.0.0.1:$ADMIN_PORT/pools
   curl -s 'http://127.0.0.1:$ADMIN_PORT/route?pool=demo&key=user:1'
   curl -s http://127.0.0.1:$ADMIN_PORT/metrics
NEXT
}
