# shellcheck shell=bash
# What up, down, test, check, sqlx-data, bench and prove share: installing what is missing, and starting and
# stopping servers of our own. To be sourced. Nothing here touches a server that it did not start.
#
# A "home" is a folder that holds the servers of one purpose: their data, logs, pid files and ports.
# Every server listens on 127.0.0.1 alone.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly ROOT
# The checkout's own folder: settings, secrets and pid files of scripts/up, and the broker's jars.
readonly STATE=$ROOT/.bellhop
# Marks the command `bellhop` that scripts/up puts on the PATH, so that nobody else's is overwritten.
# shellcheck disable=SC2034
readonly WRAPPER_MARK="Written by Bellhop's scripts/up."

# ---------------------------------------------------------------- speaking

say() { printf '==> %s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
# fail WHAT [WHAT TO DO NEXT ...]
fail() {
    printf 'error: %s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# random_hex BYTES, random_base64 BYTES: by what every system has.
random_hex() { head -c "$1" /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }
random_base64() { head -c "$1" /dev/urandom | base64 -w 0; }

# ---------------------------------------------------------------- installing

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# The folder of Postgres' programs: of the version that wrote the data in $1, else the newest one.
postgres_bin() {
    local version=''
    if [ -n "${1:-}" ] && as_postgres test -f "$1/PG_VERSION"; then
        version=$(as_postgres cat "$1/PG_VERSION")
        [ -x "/usr/lib/postgresql/$version/bin/postgres" ] && echo "/usr/lib/postgresql/$version/bin" && return
        fail "the data in $1 were written by Postgres $version, which is not installed" \
            "install postgresql-$version, or give the data up with: scripts/down --purge"
    fi
    local newest
    newest=$(find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1)
    [ -n "$newest" ] && dirname "$newest"
}

# have_header NAME: asks the compiler, which alone knows where it looks.
have_header() { have cc && echo "#include <$1>" | cc -E -x c - >/dev/null 2>&1; }

# Whether there are certificates of authorities where programs look for them.
trusts_somebody() {
    [ -s "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" ] || [ -s /etc/pki/tls/certs/ca-bundle.crt ] ||
        [ -s /etc/ssl/cert.pem ] || [ -s /etc/ssl/ca-bundle.pem ]
}

# install_missing PART...: installs what the parts build, tests, postgres, redis, kafka, browser, python, node and maven need and the
# machine does not have. Package managers alone; tool chains of languages are asked for, not installed.
install_missing() {
    local part packages=()
    have curl || packages+=(curl)
    have jq || packages+=(jq)
    for part in "$@"; do
        case $part in
            build)
                have cargo || fail "there is no Rust tool chain" \
                    "install Rust 1.95 or newer with rustup, open a new shell, and run this again"
                # Cargo fetches over TLS, and a minimal system trusts nobody yet.
                trusts_somebody || packages+=(ca-certificates)
                have cc && have c++ && have make && have objcopy || packages+=(build-essential)
                # librdkafka is compiled from source, by its CMake and not by its own configure, which fails in
                # a folder whose path has a space. It does not use curl here, but it includes curl's header
                # whenever WITH_OAUTHBEARER_OIDC is defined, and its CMake defines it as 0.
                have cmake || packages+=(cmake)
                have_header curl/curl.h || packages+=(libcurl4-openssl-dev)
                ;;
            # Rules about the code read what git tracks, and a checkout may have come here without git.
            tests) have git || packages+=(git) ;;
            fresh) have debootstrap || packages+=(debootstrap) ;;
            postgres) { postgres_bin >/dev/null && have psql; } || packages+=(postgresql) ;;
            redis) { have redis-server && have redis-cli; } || packages+=(redis-server) ;;
            kafka)
                have java || packages+=(default-jre-headless)
                have mvn || [ -d "$(kafka_libs)" ] || packages+=(maven)
                ;;
            browser) have chromium || packages+=(chromium) ;;
            python) { have python3 && python3 -c 'import ensurepip' 2>/dev/null; } || packages+=(python3-venv) ;;
            # Debian's npm brings hundreds of packages of its own, another source's node has it inside.
            node) { have node && have npm; } || packages+=(nodejs npm) ;;
            maven) have mvn || packages+=(maven) ;;
        esac
    done
    [ ${#packages[@]} = 0 ] || install_packages "${packages[@]}"
}

install_packages() {
    have apt-get || fail "missing, and this machine has no apt-get to install it: $*" \
        "install the same with your package manager, and run this again"
    [ "$(id -u)" = 0 ] || have sudo || fail "missing: $*" "run as root: apt-get install -y $*"
    say "installing $*"
    local log
    log=$(mktemp)
    # Without lists of packages nothing is found, with old ones the wrong version is: always look first.
    if ! { as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"; } >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        fail "the packages could not be installed (all of the output: $log)" "install them by hand: apt-get install -y $*"
    fi
    rm -f "$log"
}

# Where the jars of the Kafka that scripts/kafka/pom.xml names are kept.
kafka_libs() { echo "$STATE/kafka-$(sha256sum "$ROOT/scripts/kafka/pom.xml" | cut -c1-12)"; }

fetch_kafka() {
    local libs
    libs=$(kafka_libs)
    mkdir -p "$STATE"
    (
        flock 9
        [ ! -d "$libs" ] || exit 0
        say "fetching Kafka's jars"
        rm -rf "$STATE"/kafka-*
        # Maven remembers a failed look-up for a day unless it is told to look again (-U).
        mvn -q -B -U -f "$ROOT/scripts/kafka/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
            -DoutputDirectory="$libs.part" >"$STATE/maven.log" 2>&1 </dev/null 9>&- || {
            tail -n 20 "$STATE/maven.log" >&2
            fail "Maven could not fetch Kafka's jars" "is there a network? (a running Kafka can be used instead: BELLHOP_KAFKA_BROKERS=host:port scripts/up)"
        }
        rm -f "$STATE/maven.log"
        mv "$libs.part" "$libs"
    ) 9>"$STATE/kafka.lock"
}

# ---------------------------------------------------------------- ports and processes

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Ports below the range from which the system gives outgoing connections theirs, so that none of those
# sits on it when the server wants it.
free_port() {
    local port
    while :; do
        port=$((20000 + (RANDOM << 15 | RANDOM) % 12000))
        port_taken "$port" || break
    done
    echo "$port"
}

# born PID: when it was started, which no later process of the same number was. Fails when there is none, or one
# that has ended: it keeps its number until its parent asks for it, and where process 1 asks for nobody, as in
# many containers, that is for ever. `kill -0` and `pg_ctl status` take such a zombie for alive.
born() {
    local stat fields
    stat=$(stat_of "$1") || return 1
    read -r -a fields <<<"$stat"
    case ${fields[0]} in Z | X | x) return 1 ;; esac
    echo "${fields[19]} of boot $(</proc/sys/kernel/random/boot_id)"
}

# stat_of PID: what the kernel says of it behind its name, which may contain anything and ends with the last
# parenthesis: state, parent, group ...
stat_of() {
    local stat=''
    { IFS= read -r -d '' stat <"/proc/$1/stat"; } 2>/dev/null || [ -n "$stat" ] || return 1
    echo "${stat##*) }"
}

# remember PID_FILE PID: the pid file, and beside it when that process was born.
remember() {
    born "$2" >"$1.born" || true
    echo "$2" >"$1"
}
forget() { rm -f "$1" "$1.born"; }

# pid_in FILE: the number in its first line.
pid_in() {
    local pid=''
    { read -r pid <"$1"; } 2>/dev/null || [ -n "$pid" ] || return 1
    [[ $pid =~ ^[1-9][0-9]*$ ]] && echo "$pid"
}

# alive PID_FILE [WORD]: whether the process of the pid file lives and is still ours: after a restart of the machine
# or of the numbers it may be another's, so it must have been born when the one of the file was, and its command
# line contain the word.
alive() {
    local pid now
    pid=$(pid_in "$1") && now=$(born "$pid") || return 1
    [ ! -e "$1.born" ] || [ "$now" = "$(cat "$1.born")" ] || return 1
    [ -z "${2:-}" ] || { tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF -- "$2"; } 2>/dev/null
}

# spawn PID_FILE LOG COMMAND...: starts it in a session of its own, so that Ctrl-C does not reach it.
spawn() {
    local pid_file=$1 log=$2
    shift 2
    setsid "$@" >>"$log" 2>&1 </dev/null 9>&- &
    remember "$pid_file" $!
}

# terminate PID_FILE WORD SECONDS: asks the process to end, and ends it when it has not after so long.
terminate() {
    alive "$1" "$2" || { forget "$1"; return 0; }
    local pid
    pid=$(pid_in "$1")
    kill -TERM "$pid" 2>/dev/null || true
    await "$3" ended "$1" "$2" || {
        warn "process $pid ($2) did not end within $3 s and is killed"
        kill -KILL "$pid" 2>/dev/null || true
        await 10 ended "$1" "$2" || warn "process $pid ($2) does not end"
    }
    forget "$1"
}
ended() { ! alive "$@"; }

# await SECONDS COMMAND...: tries the command until it succeeds.
await() {
    local tries limit=$(($1 * 10))
    shift
    for ((tries = 0; tries < limit; tries++)); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    return 1
}

# await_or_fail WHAT SECONDS LOG COMMAND...
await_or_fail() {
    local what=$1 seconds=$2 log=$3
    shift 3
    await "$seconds" "$@" && return
    [ ! -e "$log" ] || tail -n 20 "$log" >&2
    fail "$what does not answer after $seconds s" "its log is $log"
}

# ---------------------------------------------------------------- homes

# Postgres refuses to run as root, so then it runs as the user that its package made.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then
        (cd / && exec runuser -u postgres -- "$@")
    else
        "$@"
    fi
}

# make_home DIR: creates it so that the user postgres can pass through.
make_home() { mkdir -p "$1" && chmod 711 "$1"; }

# temporary_home PURPOSE: a new home for servers that live as long as the calling script. The path is in
# HOME_DIR afterwards; at the script's end its servers are stopped and it is removed.
temporary_home() {
    local old
    # What a script that was killed outright could not clean up.
    for old in /var/tmp/bellhop-"$1".*; do
        if [ -O "$old" ] && ! alive "$old/owner.pid"; then discard_home "$old"; fi
    done
    HOME_DIR=$(mktemp -d "/var/tmp/bellhop-$1.XXXXXX")
    remember "$HOME_DIR/owner.pid" $$
    make_home "$HOME_DIR"
    at_exit discard_home "$HOME_DIR"
}

# at_exit COMMAND...: runs it when the script ends, however it ends; the last one given is run first.
AT_EXIT=()
at_exit() {
    [ ${#AT_EXIT[@]} -gt 0 ] || {
        trap run_at_exit EXIT
        trap 'exit 129' HUP
        trap 'exit 130' INT
        trap 'exit 143' TERM
    }
    AT_EXIT+=("$(printf '%q ' "$@")")
}
run_at_exit() {
    local code=$? index
    trap - EXIT
    trap '' HUP INT TERM
    stop_foreground
    for ((index = ${#AT_EXIT[@]} - 1; index >= 0; index--)); do
        eval "${AT_EXIT[index]}" || true
    done
    exit $code
}

stop_servers() {
    stop_kafka "$1"
    stop_redis "$1"
    stop_postgres "$1"
}

discard_home() {
    [ -d "$1" ] || return 0
    stop_fresh "$1"
    [ ! -d "$1/standby" ] || stop_postgres "$1/standby"
    stop_servers "$1"
    rm -rf "$1"
}

# stop_fresh HOME: ends the first process of the system that scripts/prove fresh made. The kernel ends all others of
# it, and undoes its mounts, before that is done.
stop_fresh() {
    alive "$1/machine.pid" sleep || return 0
    kill -KILL "$(pid_in "$1/machine.pid")"
    await 30 ended "$1/machine.pid" sleep
}

# foreground COMMAND...: runs it so that a signal to the script ends it at once with all its children:
# bash would only look at a signal after its foreground command has ended.
FOREGROUND=''
foreground() {
    setsid "$@" </dev/null &
    FOREGROUND=$!
    local code=0
    wait "$FOREGROUND" || code=$?
    FOREGROUND=''
    return $code
}

stop_foreground() {
    [ -n "$FOREGROUND" ] || return 0
    kill -TERM -- "-$FOREGROUND" 2>/dev/null || true
    await 5 group_ended "$FOREGROUND" || kill -KILL -- "-$FOREGROUND" 2>/dev/null || true
}
# group_ended GROUP: whether no process of the group lives: `kill -0` finds those that nobody has buried, too.
group_ended() {
    local process
    for process in /proc/[0-9]*; do
        [[ ! $(stat_of "${process#/proc/}" || true) =~ ^[^ZXx]\ [0-9]+\ $1\  ]] || return 1
    done
}

# ---------------------------------------------------------------- Postgres

# start_postgres HOME PORT durable|counted|fast: an own cluster under HOME/postgres; does nothing when it runs.
# The password of its superuser is in HOME/postgres.password, only readable by who started it.
start_postgres() {
    local home=$1 port=$2 mode=$3 data=$1/postgres bin password
    as_postgres test -x "$home" || fail "the user postgres cannot reach $home" "every folder above it must let others pass"
    if [ ! -s "$home/postgres.password" ]; then
        (umask 077 && random_hex 24 >"$home/postgres.password")
    fi
    bin=$(postgres_bin "$data") || exit 1
    if ! as_postgres test -f "$data/PG_VERSION"; then
        local owner
        owner=$(as_postgres id -un)
        rm -rf "$data"
        install -d -m 700 -o "$owner" "$data"
        install -m 600 -o "$owner" "$home/postgres.password" "$home/initdb.password"
        as_postgres "$bin/initdb" -D "$data" -U postgres -A scram-sha-256 --pwfile="$home/initdb.password" \
            -E UTF8 --locale=C.UTF-8 --no-sync >"$home/postgres.log" 2>&1 || {
            tail -n 20 "$home/postgres.log" >&2
            fail "initdb failed"
        }
        rm -f "$home/initdb.password"
        chown "$owner" "$home/postgres.log"
        echo "include 'bellhop.conf'" | as_postgres tee -a "$data/postgresql.conf" >/dev/null
    fi
    if ! postgres_runs "$home"; then
        bury_postgres "$home"
        postgres_settings "$port" "$mode" | as_postgres tee "$data/bellhop.conf" >/dev/null
        as_postgres "$bin/pg_ctl" -D "$data" -l "$home/postgres.log" -w -t 60 start >/dev/null 9>&- || {
            tail -n 20 "$home/postgres.log" >&2
            fail "Postgres did not start" "its log is $home/postgres.log"
        }
    fi
    password=$(cat "$home/postgres.password")
    await_or_fail "Postgres on port $port" 30 "$home/postgres.log" \
        psql -X -q "postgres://postgres:$password@127.0.0.1:$port/postgres" -c 'select 1'
}

postgres_settings() {
    cat <<CONF
# Written by scripts/lib.sh at every start.
listen_addresses = '127.0.0.1'
port = $1
unix_socket_directories = ''
max_connections = 300
shared_buffers = 256MB
max_wal_size = 2GB
timezone = 'UTC'
# Change data capture reads the log. A slot that nobody reads must not fill the disk.
wal_level = logical
max_slot_wal_keep_size = 2GB
CONF
    if [ "$2" = fast ]; then
        cat <<CONF
# Data of one test run, thrown away after it: nothing has to survive the machine, so nothing waits for
# the disk. synchronous_commit stays on, because the order in which changes become visible to readers of
# the log depends on it. Every platform that a test starts has a slot of its own.
fsync = off
full_page_writes = off
max_replication_slots = 100
max_wal_senders = 100
CONF
    else
        cat <<CONF
max_replication_slots = 20
max_wal_senders = 20
CONF
    fi
    if [ "$2" = counted ]; then
        cat <<CONF
# Counts statements when somebody asks for it, and does nothing before.
shared_preload_libraries = 'pg_stat_statements'
pg_stat_statements.track = none
CONF
    fi
}

# postgres_processes DATA: the postmaster of the cluster and what it started, unless they have ended. They are known
# by the folder they are in: nobody else is in a cluster's.
postgres_processes() {
    local at process data
    data=$(realpath "$1")
    while IFS=$'\t' read -r at process; do
        [ "$at" != "$data" ] || ! born "$(basename "$(dirname "$process")")" >/dev/null ||
            basename "$(dirname "$process")"
    done < <(find /proc/[0-9]*/cwd -maxdepth 0 -printf '%l\t%p\n' 2>/dev/null)
}

# postgres_runs HOME: whether the postmaster of the cluster lives. Not what pg_ctl says: see `born`.
postgres_runs() {
    local pid
    pid=$(pid_in "$1/postgres/postmaster.pid") && born "$pid" >/dev/null &&
        [ "$(readlink "/proc/$pid/cwd")" = "$(realpath "$1/postgres")" ]
}

# bury_postgres HOME: after a postmaster that was killed. Those it had started end when they notice, and until then
# its shared memory is in use; and its pid file would keep the next one from starting for as long as the dead one
# has a number, or another process of the user postgres has it.
bury_postgres() {
    [ -e "$1/postgres/postmaster.pid" ] || return 0
    await 10 no_postgres_processes "$1/postgres" || {
        postgres_processes "$1/postgres" | xargs -r kill -KILL 2>/dev/null || true
        await 10 no_postgres_processes "$1/postgres" || fail "the processes of a killed Postgres do not end" "their data are in $1/postgres"
    }
    rm -f "$1/postgres/postmaster.pid"
}
no_postgres_processes() { [ -z "$(postgres_processes "$1")" ]; }

stop_postgres() {
    postgres_runs "$1" || { bury_postgres "$1" && return; }
    as_postgres "$(postgres_bin "$1/postgres")/pg_ctl" -D "$1/postgres" -m fast -w -t 60 stop >/dev/null ||
        as_postgres "$(postgres_bin "$1/postgres")/pg_ctl" -D "$1/postgres" -m immediate stop >/dev/null || true
}

# postgres_url HOME PORT DATABASE: as its superuser.
postgres_url() { echo "postgres://postgres:$(cat "$1/postgres.password")@127.0.0.1:$2/$3"; }

# with_database URL NAME: the same server and user, another database.
with_database() {
    local base=${1%%\?*} query=''
    [ "$base" = "$1" ] || query="?${1#*\?}"
    echo "${base%/*}/$2$query"
}

# ---------------------------------------------------------------- Redis

# start_redis HOME PORT: a cache, so nothing of it is kept on disk.
start_redis() {
    local home=$1 port=$2
    if ! alive "$home/redis.pid" "redis-server 127.0.0.1:$port"; then
        mkdir -p "$home/redis"
        spawn "$home/redis.pid" "$home/redis.log" redis-server --port "$port" --bind 127.0.0.1 \
            --dir "$home/redis" --save '' --appendonly no --maxmemory-policy noeviction
    fi
    await_or_fail "Redis on port $port" 30 "$home/redis.log" redis_answers "$port"
}

redis_answers() { [ "$(redis-cli -h 127.0.0.1 -p "$1" ping)" = PONG ]; }

stop_redis() { terminate "$1/redis.pid" "redis-server" 10; }

# ---------------------------------------------------------------- Kafka

# start_kafka HOME PORT CONTROLLER_PORT: one node that is broker and controller.
start_kafka() {
    local home=$1 port=$2 controller=$3 data=$1/kafka libs
    if ! alive "$home/kafka.pid" "$home/kafka/server.properties"; then
        fetch_kafka
        libs=$(kafka_libs)
        mkdir -p "$data"
        kafka_settings "$data" "$port" "$controller" >"$data/server.properties"
        if [ ! -f "$data/logs/meta.properties" ]; then
            rm -rf "$data/logs"
            java -cp "$libs/*" kafka.tools.StorageTool format -t "$(kafka_cluster_id)" \
                -c "$data/server.properties" >"$home/kafka.log" 2>&1 || {
                tail -n 20 "$home/kafka.log" >&2
                fail "Kafka's storage could not be formatted" "Kafka 4 needs Java 17 or newer: java -version"
            }
        fi
        : >"$home/kafka.log"
        spawn "$home/kafka.pid" "$home/kafka.log" java -Xms256m -Xmx512m -XX:+UseG1GC \
            -XX:MaxGCPauseMillis=20 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
            -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info \
            -Dorg.slf4j.simpleLogger.showDateTime=true '-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS' \
            -cp "$libs/*" kafka.Kafka "$data/server.properties"
    fi
    await_or_fail "Kafka on port $port" 60 "$home/kafka.log" kafka_started "$home"
}

kafka_started() { grep -q 'Kafka Server started' "$1/kafka.log"; }

# A random UUID as Kafka writes it: 16 bytes in base64, and none of its characters special to anybody.
kafka_cluster_id() { random_base64 16 | tr '+/' 'ab' | cut -c1-22; }

kafka_settings() {
    cat <<CONF
# Written by scripts/lib.sh at every start.
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$3
listeners=PLAINTEXT://127.0.0.1:$2,CONTROLLER://127.0.0.1:$3
advertised.listeners=PLAINTEXT://127.0.0.1:${KAFKA_ADVERTISED_PORT:-$2}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$1/logs
# Topics are created on purpose, with the number of partitions that their keys need.
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
# A broker that was killed may come back only when its former self is held for gone.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# One node: one copy of everything, and no more internal partitions than a laptop needs.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
log.cleaner.dedupe.buffer.size=16777216
log.index.size.max.bytes=1048576
CONF
}

stop_kafka() { terminate "$1/kafka.pid" "$1/kafka/server.properties" 30; }

# ---------------------------------------------------------------- building and testing

target_dir() { (cd "$ROOT" && cargo metadata --no-deps --format-version 1 | jq -r .target_directory); }

# copy_tree DIR: what is checked out, with what was changed since, into an empty folder, to be changed there. Whoever
# builds the copy takes a target folder of its own: cargo knows a source by its place in the workspace and its time, so
# that in the checkout's it would take what was built from the copy, which is the younger, for the checkout's.
copy_tree() {
    rm -rf "$1" && mkdir -p "$1"
    comm -z -23 <(git -C "$ROOT" ls-files -z --cached --others --exclude-standard | sort -z) \
        <(git -C "$ROOT" ls-files -z --deleted | sort -z) |
        tar --create --directory "$ROOT" --null --files-from - | tar --extract --directory "$1"
}

export SQLX_OFFLINE=true

# build debug|release EXECUTABLE...: their folder is in BUILT afterwards. No script names packages (-p): cargo gives a
# package the features that the selected ones ask of it, so that with another selection nearly everything would be
# compiled once more. tests/tests/arch watches over it.
build() {
    local profile=$1 options=() name
    shift
    [ "$profile" = debug ] || options+=(--release)
    for name in "$@"; do options+=(--bin "$name"); done
    say "building $* (from nothing this takes some minutes)"
    foreground cargo build "${options[@]}"
    BUILT=$(target_dir)/$profile
    [ "$profile" = debug ] || [[ " $* " != *" bellhop "* ]] || "$ROOT/scripts/split-debug" "$BUILT/bellhop"
}

# start_own_servers PURPOSE durable|counted|fast: all three on free ports in a temporary home, and the variables by
# which programs find them. What a sourced .bellhop/env says of other servers is forgotten first.
start_own_servers() {
    local postgres redis kafka controller
    # shellcheck disable=SC2086
    unset ${!BELLHOP_@} SQLX_OFFLINE_DIR
    temporary_home "$1"
    postgres=$(free_port) redis=$(free_port) kafka=$(free_port) controller=$(free_port)
    say "starting Postgres, Redis and Kafka on ports $postgres, $redis and $kafka, data in $HOME_DIR"
    start_postgres "$HOME_DIR" "$postgres" "$2"
    start_redis "$HOME_DIR" "$redis"
    start_kafka "$HOME_DIR" "$kafka" "$controller"
    DATABASE_URL=$(postgres_url "$HOME_DIR" "$postgres" bellhop)
    psql -X -q "$(with_database "$DATABASE_URL" postgres)" -c 'create database bellhop'
    BELLHOP_ADMIN_DATABASE_URL=$DATABASE_URL
    BELLHOP_DATABASE_URL=postgres://127.0.0.1:$postgres/bellhop
    BELLHOP_DATABASE_PASSWORD=$(random_hex 24)
    BELLHOP_KAFKA_BROKERS=127.0.0.1:$kafka
    BELLHOP_REDIS_URL=redis://127.0.0.1:$redis
    export DATABASE_URL BELLHOP_ADMIN_DATABASE_URL BELLHOP_DATABASE_URL BELLHOP_DATABASE_PASSWORD
    export BELLHOP_KAFKA_BROKERS BELLHOP_REDIS_URL
}

# make_key BELLHOP KIND: a new principal of this kind; prints its key.
make_key() { "$1" access make --kind "$2" | sed -n "s/^$2 //p"; }

# sign_in_link BELLHOP URL KEY: prints an address at which whoever has this key signs in, once, within ten minutes.
sign_in_link() {
    local id
    id=$(curl -fsS --noproxy '*' --max-time 5 -H @- "$2/v1/me" <<<"Authorization: Bearer $3" |
        grep -o '"id":"[^"]*"' | cut -d '"' -f 4) || return 1
    "$1" access link --principal "$id" --url "$2"
}

# run_tests [ARGUMENT OF cargo test...]: against the servers that start_own_servers started.
run_tests() {
    build debug bellhop
    export BELLHOP_BIN=$BUILT/bellhop
    say "running the tests"
    foreground cargo test --quiet --no-fail-fast "$@"
}
