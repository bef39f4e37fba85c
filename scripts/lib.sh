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

# install_missing PART...: installs what the parts build, postgres, redis, kafka, browser and python need and the
# machine does not have. Package managers alone; tool chains of languages are asked for, not installed.
install_missing() {
    local part packages=()
    have curl || packages+=(curl)
    have jq || packages+=(jq)
    have openssl || packages+=(openssl)
    for part in "$@"; do
        case $part in
            build)
                have cargo || fail "there is no Rust tool chain" \
                    "install Rust 1.95 or newer with rustup, open a new shell, and run this again"
                have cc && have c++ && have make || packages+=(build-essential)
                have cmake || packages+=(cmake)
                have pkg-config || packages+=(pkg-config)
                [ -e /usr/include/zlib.h ] || packages+=(zlib1g-dev)
                ;;
            postgres) { postgres_bin >/dev/null && have psql; } || packages+=(postgresql) ;;
            redis) { have redis-server && have redis-cli; } || packages+=(redis-server) ;;
            kafka)
                have java || packages+=(default-jre-headless)
                have mvn || [ -d "$(kafka_libs)" ] || packages+=(maven)
                ;;
            browser) have chromium || packages+=(chromium) ;;
            python) { have python3 && python3 -c 'import ensurepip' 2>/dev/null; } || packages+=(python3-venv) ;;
        esac
    done
    [ ${#packages[@]} -gt 0 ] || return 0
    have apt-get || fail "missing, and this machine has no apt-get to install it: ${packages[*]}" \
        "install the same with your package manager, and run this again"
    [ "$(id -u)" = 0 ] || have sudo || fail "missing: ${packages[*]}" \
        "run as root: apt-get install -y ${packages[*]}"
    say "installing ${packages[*]}"
    local log
    log=$(mktemp)
    # Without lists of packages nothing is found, with old ones the wrong version is: always look first.
    if ! { as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends -o DPkg::Lock::Timeout=300 "${packages[@]}"; } >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        fail "the packages could not be installed (all of the output: $log)" \
            "install them by hand: apt-get install -y ${packages[*]}"
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

# alive PID_FILE WORD: whether the process of the pid file lives and is still ours: after a restart of
# the machine the number may be another's, so its command line must contain the word.
alive() {
    local pid
    pid=$(cat "$1" 2>/dev/null) || return 1
    [ -n "$pid" ] && [ -r "/proc/$pid/cmdline" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF -- "$2"
}

# spawn PID_FILE LOG COMMAND...: starts it in a session of its own, so that Ctrl-C does not reach it.
spawn() {
    local pid_file=$1 log=$2
    shift 2
    setsid "$@" >>"$log" 2>&1 </dev/null 9>&- &
    echo $! >"$pid_file"
}

# terminate PID_FILE WORD SECONDS: asks the process to end, and ends it when it has not after so long.
terminate() {
    alive "$1" "$2" || { rm -f "$1"; return 0; }
    local pid tries
    pid=$(cat "$1")
    kill -TERM "$pid" 2>/dev/null || true
    for ((tries = 0; tries < $3 * 10; tries++)); do
        alive "$1" "$2" || break
        sleep 0.1
    done
    if alive "$1" "$2"; then
        warn "process $pid ($2) did not end within $3 s and is killed"
        kill -KILL "$pid" 2>/dev/null || true
    fi
    rm -f "$1"
}

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
        if [ -O "$old" ] && ! alive "$old/owner.pid" ''; then discard_home "$old"; fi
    done
    HOME_DIR=$(mktemp -d "/var/tmp/bellhop-$1.XXXXXX")
    echo $$ >"$HOME_DIR/owner.pid"
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
    [ ! -d "$1/standby" ] || stop_postgres "$1/standby"
    stop_servers "$1"
    rm -rf "$1"
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
    await 5 not_running "$FOREGROUND" || kill -KILL -- "-$FOREGROUND" 2>/dev/null || true
}
not_running() { ! kill -0 -- "-$1" 2>/dev/null; }

# ---------------------------------------------------------------- Postgres

# start_postgres HOME PORT durable|fast: an own cluster under HOME/postgres; does nothing when it runs.
# The password of its superuser is in HOME/postgres.password, only readable by who started it.
start_postgres() {
    local home=$1 port=$2 mode=$3 data=$1/postgres bin password
    as_postgres test -x "$home" || fail "the user postgres cannot reach $home" "every folder above it must let others pass"
    if [ ! -s "$home/postgres.password" ]; then
        (umask 077 && openssl rand -hex 24 >"$home/postgres.password")
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
}

postgres_runs() {
    [ -d "$1/postgres" ] && as_postgres test -f "$1/postgres/postmaster.pid" &&
        as_postgres "$(postgres_bin "$1/postgres")/pg_ctl" -D "$1/postgres" status >/dev/null 2>&1
}

stop_postgres() {
    postgres_runs "$1" || return 0
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
kafka_cluster_id() { openssl rand -base64 16 | tr '+/' 'ab' | cut -c1-22; }

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

# copy_tree DIR: what is checked out, with what was changed since, into an empty folder, to be changed there.
copy_tree() {
    rm -rf "$1" && mkdir -p "$1"
    comm -z -23 <(git -C "$ROOT" ls-files -z --cached --others --exclude-standard | sort -z) \
        <(git -C "$ROOT" ls-files -z --deleted | sort -z) |
        tar --create --directory "$ROOT" --null --files-from - | tar --extract --directory "$1"
}

# start_own_servers PURPOSE durable|fast: all three on free ports in a temporary home, and the variables by
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
    BELLHOP_DATABASE_PASSWORD=$(openssl rand -hex 24)
    BELLHOP_KAFKA_BROKERS=127.0.0.1:$kafka
    BELLHOP_REDIS_URL=redis://127.0.0.1:$redis
    export DATABASE_URL BELLHOP_ADMIN_DATABASE_URL BELLHOP_DATABASE_URL BELLHOP_DATABASE_PASSWORD
    export BELLHOP_KAFKA_BROKERS BELLHOP_REDIS_URL
}

# run_tests [ARGUMENT OF cargo test...]: against the servers that start_own_servers started.
run_tests() {
    local scope=(--workspace) argument
    for argument in "$@"; do
        case $argument in
            --) break ;;
            -p | -p* | --package | --package=*) scope=() ;;
        esac
    done
    export SQLX_OFFLINE=true
    BELLHOP_BIN=$(target_dir)/debug/bellhop
    export BELLHOP_BIN
    say "building bellhop, which the tests run"
    foreground cargo build --bin bellhop
    say "running the tests"
    foreground cargo test --quiet --no-fail-fast "${scope[@]}" "$@"
}
