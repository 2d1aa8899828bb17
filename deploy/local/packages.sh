# shellcheck shell=bash
# The Debian packages that building, testing and the demo need, and why: the one list that
# tests/run and deploy/local/demo share. Source it, then: packages_install GROUP...

# package               group   why
PACKAGES="
gcc                     build   the C compiler
libc6-dev               build   the C library's headers
cmake                   build   configures the build
ninja-build             build   runs the build
pkg-config              build   finds the libraries below
libuv1-dev              build   event loop of the workers (MIT)
libxxhash-dev           build   hash of the default ring (BSD-2-Clause)
libyaml-dev             build   parser of the configuration file (MIT)
libjansson-dev          build   JSON of the admin endpoints and of the log (MIT)
memcached               demo    real shards to stand behind Ringway (BSD-3-Clause)
libmemcached-dev        demo    client library of the demo and of the tests (BSD-3-Clause)
nginx-light             demo    HTTP shards of the demo and of the tests (BSD-2-Clause)
libssl-dev              demo    named by libmemcached.pc, which does not depend on it (Apache-2.0)
curl                    demo    the client of the HTTP demo (curl, as MIT)
git                     test    lists the files that the lint checks read
python3                 test    runs the integration tests and the lint checks
python3-yaml            test    reads configurations in tests
python3-pymemcache      test    a Python client to test with (Apache-2.0)
libcmocka-dev           test    unit and contract tests (Apache-2.0)
libmemcached-tools      test    memccapable, a protocol conformance suite
nodejs                  test    HTTP and WebSocket clients and servers to test with (MIT)
node-llhttp             test    a second HTTP/1 parser, in C, that ours is compared with (MIT)
apache2-utils           test    ab, an HTTP/1.0 client that counts failures (Apache-2.0)
wrk                     test    an HTTP load generator that counts failures (Apache-2.0)
nghttp2-client          test    h2load, an HTTP/1.1 load generator with pipelining (MIT)
nutcracker              test    twemproxy, the program that the twemproxy ring is compared with
haproxy                 test    what bench/compare measures HTTP against (GPL-2+)
g++                     test    compiles a user of the installed library as C++
clang                   test    second compiler, sanitizers
libclang-rt-dev         test    run-time libraries of the sanitizers and of libFuzzer
llvm                    test    names functions in the sanitizers' reports
clang-tidy              test    static analysis
clang-format            test    checks the formatting
shellcheck              test    checks the shell scripts
mandoc                  test    checks the manual pages
"

# packages_of GROUP...: names of the packages of these groups, one a line.
packages_of()
{
    local package group _why wanted
    while read -r package group _why; do
        for wanted in "$@"; do
            if [ "$group" = "$wanted" ]; then
                echo "$package"
            fi
        done
    done <<<"$PACKAGES"
}

# packages_missing GROUP...: those that are not installed.
packages_missing()
{
    local package status
    for package in $(packages_of "$@"); do
        status=$(dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null || true)
        if ! grep -qx installed <<<"$status"; then
            echo "$package"
        fi
    done
}

# packages_as_root COMMAND...: as root, through sudo where that is needed.
packages_as_root()
{
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# packages_install GROUP...: install what is missing, and only that. The services that come with
# memcached, nutcracker and haproxy are not started. Returns non-zero, with the command to run by hand, when
# nothing can be installed from here.
packages_install()
{
    local missing log policy=/usr/sbin/policy-rc.d made_policy=no rc=0
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        echo "not a Debian system: taking the packages for granted ($(packages_of "$@" | xargs))"
        return 0
    fi
    missing=$(packages_missing "$@" | xargs)
    if [ -z "$missing" ]; then
        echo "packages: all present"
        return 0
    fi
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        echo "packages are missing and this is neither root nor has sudo; as root run:" >&2
        echo "    apt-get install $missing" >&2
        return 1
    fi
    echo "packages: installing $missing"
    if [ ! -e "$policy" ]; then
        made_policy=yes
        printf '#!/bin/sh\nexit 101\n' | packages_as_root tee "$policy" >/dev/null
        packages_as_root chmod 755 "$policy"
    fi
    log=$(mktemp)
    # shellcheck disable=SC2086 # one word a package
    {
        packages_as_root apt-get update -qq &&
            packages_as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
                --no-install-recommends -o Dpkg::Use-Pty=0 $missing
    } </dev/null >"$log" 2>&1 || rc=$?
    if [ "$made_policy" = yes ]; then
        packages_as_root rm -f "$policy"
    fi
    if [ "$rc" -ne 0 ]; then
        tail -n 20 "$log" >&2
        echo "packages: apt-get failed ($rc)" >&2
    fi
    rm -f "$log"
    return "$rc"
}
