# shellcheck shell=bash
# The HTTP demo: four nginx shards behind one address, one that fails and returns. Sourced by
# deploy/local/demo, for which it defines start_shard, write_configuration, show and commands_to_try.
# shellcheck disable=SC2016,SC2153 # conditions are for awk; deploy/local/demo sets PORT

PATH=$PATH:/usr/sbin # where Debian has nginx
FAILING=b            # the shard that is stopped

# run_nginx NAME PORT: start a shard that says who it is; fails if it does not answer.
run_nginx()
{
    local name=$1 port=$2 dir=$DIR/nginx-$1 i pid started
    mkdir -p "$dir"
    cat >"$dir/nginx.conf" <<CONF
daemon off;
master_process off;
pid "$dir/pid";
error_log stderr warn;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path "$dir/body";
    proxy_temp_path "$dir/proxy";
    fastcgi_temp_path "$dir/fastcgi";
    uwsgi_temp_path "$dir/uwsgi";
    scgi_temp_path "$dir/scgi";
    server {
        listen 127.0.0.1:$port;
        location / {
            default_type text/plain;
            return 200 "shard $name served \$request_uri\n";
        }
    }
}
CONF
    start "$name" nginx -e stderr -p "$dir" -c "$dir/nginx.conf"
    read -r pid started _ < <(tail -n 1 "$DIR/pids")
    for i in {1..100}; do
        if [ "$(curl -s -m 2 "http://127.0.0.1:$port/")" = "shard $name served /" ]; then
            return 0
        fi
        is_running "$pid" "$started" || return 1
        sleep 0.05
    done
    return 1
}

# start_shard NAME: on a free port; another one if somebody else was faster.
start_shard()
{
    local name=$1 i port
    for i in 1 2 3; do
        port=$("$CLIENT" ports 1)
        if run_nginx "$name" "$port"; then
            SHARDS+=("$name=127.0.0.1:$port")
            return 0
        fi
        stop_named "$DIR" "$name"
    done
    cat "$DIR/$name.log" >&2
    fail "shard $name did not start"
}

# write_configuration FILE: the user's number in the path decides, else the whole URI.
write_configuration()
{
    local shard
    {
        echo "admin:"
        echo "  bind: 127.0.0.1:$ADMIN_PORT"
        echo "pools:"
        echo "  - name: demo"
        echo "    protocol: http"
        echo "    on_shard_down: next"
        echo "    health: {eject_after: 3, retry_after: 500ms}"
        echo "    shards:"
        for shard in "${SHARDS[@]}"; do
            echo "      - name: ${shard%%=*}"
            echo "        replicas: [\"${shard#*=}\"]"
        done
        echo "listeners:"
        echo "  - bind: 127.0.0.1:$PORT"
        echo "    protocol: http"
        echo "    routes:"
        echo "      - match: {path_prefix: /users/}"
        echo "        key: [\"{path.2}\"]"
        echo "        debug: true"
        echo "        pool: demo"
        echo "      - key: [\"{uri}\"]"
        echo "        debug: true"
        echo "        pool: demo"
    } >"$1"
}

# visit FILE: a request of every user over one connection. Writes a line each: who served it by its
# own word ("-": nobody), the status, the shard that Ringway named, the path that the shard saw.
visit()
{
    {
        curl -s -m 120 "http://127.0.0.1:$PORT/users/[1-$N_KEYS]/cart" \
            -w '\n=%{http_code} %header{x-ringway-shard}\n' || true # what failed has a line too
    } |
        awk '/^shard / { by = $2; path = $4 }
             /^=/ { print (by ? by : "-"), substr($1, 2), ($2 ? $2 : "-"), (path ? path : "-")
                    by = path = "" }' >"$1"
    if [ "$(wc -l <"$1")" -ne "$N_KEYS" ]; then
        fail "not every request was answered"
    fi
}

# routes FILE: the shard of every user, as Ringway would place it, without network.
routes()
{
    seq -f '%.0f' 1 "$N_KEYS" | "$RINGWAY" -c "$DIR/ringway.yaml" --route demo - | cut -f 2 >"$1"
}

# answered FILE: how many were answered with 200.
answered()
{
    count '$2 == 200' "$1"
}

# count AWK-CONDITION FILE...: how many lines of the files, side by side, it is true for.
count()
{
    local condition=$1
    shift
    paste -d ' ' "$@" | awk "$condition { n++ } END { print n + 0 }"
}

# example METHOD PATH KEY: one request, and where it went.
example()
{
    local shard answer
    answer=$(curl -s -m 10 -X "$1" -D "$DIR/head" "http://127.0.0.1:$PORT$2")
    shard=$(tr -d '\r' <"$DIR/head" | awk 'tolower($1) == "x-ringway-shard:" { print $2 }')
    printf '   %-6s %-24s %-24s %-5s %s\n' "$1" "$2" "$3" "${shard:--}" "$answer"
}

examples()
{
    printf '\n   %-6s %-24s %-24s %-5s %s\n' "method" "path" "key" "shard" "the shard's own words"
    example GET /users/1/cart 1
    example POST /users/1/orders 1
    example GET "/users/1/orders?page=2" 1
    example GET /users/2/cart 2
    example GET /users/3/cart 3
    example GET /pictures/7.jpg /pictures/7.jpg
    echo
}

# table FILE: how many users each shard served.
table()
{
    local shard n
    printf '\n   %-7s %-18s %9s %9s\n' "shard" "address" "users" "share"
    for shard in "${SHARDS[@]}"; do
        n=$(count "\$1 == \"${shard%%=*}\"" "$1")
        printf '   %-7s %-18s %9d %9s\n' "${shard%%=*}" "${shard#*=}" "$n" "$(percent "$n" "$N_KEYS")"
    done
    echo
}

# line TEXT N: a count in a column.
line()
{
    printf '   %-58s %7d\n' "$1" "$2"
}

all_shards_up()
{
    local n
    visit "$DIR/before"
    routes "$DIR/routes"
    echo
    echo "1. Requests of $N_KEYS users through one address, over ${#SHARDS[@]} shards: the key is the"
    echo "   user's number in /users/NUMBER/..., so all requests of a user reach one shard"
    examples
    n=$(answered "$DIR/before")
    line "GET /users/1/cart to /users/$N_KEYS/cart: answered with 200" "$n"
    [ "$n" -eq "$N_KEYS" ] || fail "a request failed"
    n=$(count '$1 == $3' "$DIR/before")
    line "the header X-Ringway-Shard names the shard that answered" "$n"
    [ "$n" -eq "$N_KEYS" ] || fail "X-Ringway-Shard is wrong"
    n=$(count '$1 == $5' "$DIR/before" "$DIR/routes")
    line "ringway --route names that shard too, without any network" "$n"
    [ "$n" -eq "$N_KEYS" ] || fail "--route is wrong"
    table "$DIR/before"
}

one_shard_down()
{
    local moved
    echo "2. Shard $FAILING stops. The pool has on_shard_down: next, as for servers that can all serve"
    echo "   everything: the next shard on the ring takes over. (The default, error, answers 503 for"
    echo "   these users alone: right where only one shard has a user's data.)"
    echo
    stop_named "$DIR" "$FAILING"
    visit "$DIR/down"
    moved=$(count "\$1 == \"$FAILING\" && \$5 != \"-\"" "$DIR/before" "$DIR/down")
    line "answered with 200" "$(answered "$DIR/down")"
    line "not, until Ringway knew" $((N_KEYS - $(answered "$DIR/down")))
    line "users of shard $FAILING that another shard serves now" "$moved"
    line "other users that moved" \
        "$(count "\$1 != \"$FAILING\" && \$1 != \$5" "$DIR/before" "$DIR/down")"
    table "$DIR/down"
    [ "$moved" -gt 0 ] || fail "no shard took over"
}

# workers_that_avoid SHARD: how many worker threads do not send it requests now.
workers_that_avoid()
{
    admin /metrics | awk -v shard="shard=\"$1\"" '
        /^ringway_replica_state/ && index($0, shard) && /state="(backoff|ejected)"/ { n += $2 }
        END { print NR ? n + 0 : "?" }'
}

shard_returns()
{
    local i address n
    for address in "${SHARDS[@]}"; do
        if [ "${address%%=*}" = "$FAILING" ]; then
            run_nginx "$FAILING" "${address##*:}" || fail "shard $FAILING did not start again"
        fi
    done
    for i in {1..100}; do
        [ "$(workers_that_avoid "$FAILING")" != 0 ] || break
        [ "$i" -lt 100 ] || fail "shard $FAILING was not used again within ten seconds"
        sleep 0.1
    done
    visit "$DIR/after"
    echo "3. Shard $FAILING starts again; Ringway tries it, and gives it its users back"
    echo
    line "answered with 200" "$(answered "$DIR/after")"
    n=$(count '$1 != $5' "$DIR/before" "$DIR/after")
    line "users that are not where they were at first" "$n"
    [ "$n" -eq 0 ] || fail "a user moved"
    table "$DIR/after"
}

show()
{
    all_shards_up
    one_shard_down
    shard_returns
}

# commands_to_try RINGWAY CONFIGURATION
commands_to_try()
{
    cat <<NEXT
   curl -i http://127.0.0.1:$PORT/users/1/cart
   $1 -c $2 --route-url /users/1/cart /pictures/7.jpg
   $1 -c $2 --route demo 1 2 3
   curl -s http://127.0.0.1:$ADMIN_PORT/pools
   curl -s http://127.0.0.1:$ADMIN_PORT/metrics | grep http
NEXT
}
