# The packages that this project needs, and how they come onto the machine. Read by ./dev and .ci/run; needs bash.

build_packages=(meson ninja-build cmake g++ ccache pkg-config libasio-dev liburing-dev libtomlplusplus-dev libspdlog-dev
    libcli11-dev nlohmann-json3-dev libsqlite3-dev libssl-dev libcurl4-openssl-dev libpugixml-dev libzstd-dev dpkg-dev patch)
test_packages=(rsync strace git vim-tiny mandoc python3 python3-pytest python3-pytest-xdist procps util-linux dpkg-dev systemd
    openssh-server openssh-client dropbear-bin tcsh fish zsh busybox quota e2fsprogs chromium
    ceph-mon ceph-osd radosgw ceph-common openssl awscli rclone zstd bindfs exfat-fuse exfatprogs)
check_packages=(clang-format-19 clang-tidy-19 clang-19 mandoc python3)
fuzz_packages=(clang-19 llvm-19 libclang-rt-19-dev dpkg-dev)   # llvm-19 puts names into the sanitizers' stacks
bench_packages=(rsync gcc python3 openssh-server openssh-client rclone lsyncd
    ceph-mon ceph-osd radosgw ceph-common openssl awscli zstd)

as_root() {
    if [[ $(id -u) == 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "./dev: you are not root and there is no sudo; run this as root: $*" >&2
        return 1
    fi
}

# install_packages NAME...: installs those that are missing. Elsewhere than on Debian it only says what is needed.
install_packages() {
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        local tool
        for tool in meson ninja c++; do
            command -v "$tool" >/dev/null && continue
            echo "./dev: this is not a Debian system, and '$tool' is missing. Install what these Debian packages" \
                "hold: $*. Libraries that are missing are built from subprojects/." >&2
            return 1
        done
        return 0
    fi
    local name missing=()
    for name in "$@"; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || missing+=("$name")
    done
    ((${#missing[@]})) || return 0
    echo "./dev: installing ${missing[*]}" >&2
    # A source that cannot be reached must not stop us when the packages can be had from another.
    mkdir -p .cache   # two parts of .ci/run may install at the same time
    as_root flock .cache/apt.lock apt-get update -q >&2 || echo "./dev: apt-get update had errors; going on" >&2
    as_root env DEBIAN_FRONTEND=noninteractive flock .cache/apt.lock apt-get install -y -q --no-install-recommends \
        -o Acquire::Retries=3 "${missing[@]}" </dev/null >&2
}

# apt_uri: where this machine gets its own release from.
apt_uri() {
    local release
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk -v release="$release" '$2 == release && $3 == "main" { print $1; exit }'
}

# seed_wrap PACKAGE VERSION FILENAME SHA256: puts upstream's archive where Meson's wrap looks for it before it downloads,
# taken from Debian 13's source package, whose orig archive is upstream's, byte for byte. The wrap checks the digest again.
seed_wrap() {
    local package=$1 version=$2 filename=$3 sha256=$4 cache=subprojects/packagecache
    is_seeded() { echo "$sha256  $cache/$filename" | sha256sum --check --status 2>/dev/null; }
    is_seeded && return 0
    local uri work options
    uri=$(apt_uri)
    if [[ -z $uri ]]; then
        echo "./dev: no apt source for this release; put $filename into $cache yourself" >&2
        return 1
    fi
    echo "./dev: fetching $package $version from the source packages of Debian 13" >&2
    work=$(mktemp -d)
    chmod 755 "$work"
    mkdir -p "$work/lists" "$cache"
    echo "deb-src $uri trixie main" >"$work/sources.list"
    options=(-q -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/nonexistent
        -o "Dir::State::lists=$work/lists" -o APT::Get::List-Cleanup=0 -o APT::Sandbox::User=root
        -o Acquire::Retries=3)
    (
        cd "$work"
        apt-get "${options[@]}" -o "Dir::Cache::pkgcache=$work/p" -o "Dir::Cache::srcpkgcache=$work/s" update
        apt-get "${options[@]}" source --download-only --tar-only "$package"
    ) </dev/null >&2 || true
    cp "$work/${package}_$version".orig.tar.* "$cache/$filename" 2>/dev/null || true
    rm -rf "$work"
    is_seeded && return 0
    rm -f "$cache/$filename"
    echo "./dev: $package $version could not be had with the expected digest" >&2
    return 1
}

# wrap_value NAME KEY: one value of subprojects/NAME.wrap.
wrap_value() {
    sed -n "s/^$2 = //p" "subprojects/$1.wrap"
}

# can_reach URL: whether its server answers, in seconds (Meson's own download tries for half a minute).
can_reach() {
    /usr/bin/python3 - "$1" 2>/dev/null <<'END'
import socket, sys, urllib.parse
socket.create_connection((urllib.parse.urlsplit(sys.argv[1]).hostname, 443), timeout=10).close()
END
}

# provide_catch2: makes Catch2 3 available to Meson: the system's, else the wrap's download, else Debian 13's source.
provide_catch2() {
    pkg-config --atleast-version=3 catch2-with-main 2>/dev/null && return 0
    [[ -d subprojects/$(wrap_value catch2 directory) ]] && return 0
    [[ -f subprojects/packagecache/$(wrap_value catch2 source_filename) ]] && return 0
    can_reach "$(wrap_value catch2 source_url)" && return 0
    seed_wrap catch2 3.7.1 "$(wrap_value catch2 source_filename)" "$(wrap_value catch2 source_hash)"
}

# provide_libssh2: the same for libssh2, of which Debian 12's own is too old (it cannot sign with RSA keys).
provide_libssh2() {
    pkg-config --atleast-version=1.11.1 libssh2 2>/dev/null && return 0
    [[ -d subprojects/$(wrap_value libssh2 directory) ]] && return 0
    [[ -f subprojects/packagecache/$(wrap_value libssh2 source_filename) ]] && return 0
    can_reach "$(wrap_value libssh2 source_url)" && return 0
    seed_wrap libssh2 1.11.1 "$(wrap_value libssh2 source_filename)" "$(wrap_value libssh2 source_hash)"
}

# provide_promtool: the checker of Prometheus' metrics, in .cache/tools where it is not installed. Only it is taken out of
# its package: with that a server would be installed and started.
provide_promtool() {
    command -v promtool >/dev/null && return 0
    local tools=$PWD/.cache/tools options=(-q -o APT::Sandbox::User=root -o Acquire::Retries=3) work
    [[ -x $tools/promtool ]] && return 0
    command -v apt-get >/dev/null || return 0
    echo "./dev: fetching promtool from the package prometheus" >&2
    work=$(mktemp -d)
    mkdir -p "$tools"
    if (cd "$work" && { apt-get "${options[@]}" download prometheus ||
        { as_root apt-get update -q && apt-get "${options[@]}" download prometheus; }; } &&
        dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x --to-stdout ./usr/bin/promtool >promtool) </dev/null >&2; then
        install -m 755 "$work/promtool" "$tools/promtool"
    else
        echo "./dev: promtool could not be had; the test with it is skipped" >&2
    fi
    rm -rf "$work"
}
