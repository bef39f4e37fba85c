# shellcheck shell=bash
# The tools of scripts/prove fault, by package managers alone. To be sourced after scripts/lib.sh.

readonly TOXIPROXY_VERSION=v2.5.0

# install_toxiproxy: from the Go module proxy, into the checkout's own folder; BELLHOP_TOXIPROXY names it.
install_toxiproxy() {
    local folder=$STATE/toxiproxy-$TOXIPROXY_VERSION go
    export BELLHOP_TOXIPROXY=$folder/server
    [ ! -x "$BELLHOP_TOXIPROXY" ] || return 0
    go=$(command -v go || echo /usr/local/go/bin/go)
    [ -x "$go" ] || fail "Toxiproxy is built with Go, and there is none" "install Go 1.20 or newer, and run this again"
    say "fetching and building Toxiproxy $TOXIPROXY_VERSION"
    GOBIN=$folder GOFLAGS=-mod=mod "$go" install "github.com/Shopify/toxiproxy/v2/cmd/server@$TOXIPROXY_VERSION" ||
        fail "Toxiproxy could not be built"
}

# install_faketime: the library that shows a process another time; BELLHOP_FAKETIME names it.
install_faketime() {
    local library
    library=$(find_faketime)
    if [ -z "$library" ] && have apt-get; then
        (install_packages libfaketime) || true
        library=$(find_faketime)
    fi
    [ -n "$library" ] || warn "libfaketime cannot be installed here; F14 will say so"
    export BELLHOP_FAKETIME=$library
}

find_faketime() { find /usr/lib /usr/lib64 -name libfaketimeMT.so.1 2>/dev/null | head -n 1; }

# build_proofs: BELLHOP_BIN and PROVE_FAULTS name the executables afterwards. When both do before, nothing is
# built, so that a long run is not disturbed by whoever works in the checkout.
build_proofs() {
    [ -z "${BELLHOP_BIN:-}" ] || [ -z "${PROVE_FAULTS:-}" ] || return 0
    install_missing build postgres redis kafka
    build release bellhop prove-faults
    export BELLHOP_BIN=$BUILT/bellhop PROVE_FAULTS=$BUILT/prove-faults
}

# start_proof_servers PURPOSE: as safe as in production, and known to the proofs by their home.
start_proof_servers() {
    local executable=$BELLHOP_BIN toxiproxy=${BELLHOP_TOXIPROXY:-} faketime=${BELLHOP_FAKETIME:-}
    # Forgets every variable of ours.
    start_own_servers "$1" durable
    export BELLHOP_BIN=$executable BELLHOP_TOXIPROXY=$toxiproxy BELLHOP_FAKETIME=$faketime
    export BELLHOP_PROOF_HOME=$HOME_DIR
    at_exit unmount_below "$HOME_DIR"
}

# unmount_below HOME: the small disks of a proof that could not clean up.
unmount_below() {
    local place
    while read -r place; do
        case $place in "$1"/*) as_root umount -l "$place" ;; esac
    done < <(findmnt -rno TARGET)
}
