#!/usr/bin/env bash
# Makes what a fresh Debian or Ubuntu machine lacks: the packages of debian-packages.txt and a virtual environment
# with the pins of requirements.txt. Runs again without harm; what is there already is left alone.
#   deploy/setup.sh run    what `make demo` needs
#   deploy/setup.sh test   that, and what the tests start
set -euo pipefail
cd "$(dirname "$0")/.."
wanted=${1:-test}
uv_version=0.13.8

say() { printf '\033[1m%s\033[0m\n' "$*"; }

missing_packages() {
    local name group
    while read -r name group _; do
        [[ -z $name || $name == \#* ]] && continue
        [[ $wanted == run && $group != run ]] && continue
        [[ $name == openjdk-17-jre-headless ]] && has_java && continue
        [[ $name == python3* ]] && find_python >/dev/null && continue
        [[ $name == docker.io ]] && command -v dockerd >/dev/null && continue
        [[ $name == docker-compose ]] && { docker compose version || docker-compose version; } >/dev/null 2>&1 && continue
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || echo "$name"
    done <deploy/debian-packages.txt
}

has_java() {
    command -v java >/dev/null && java -version 2>&1 | grep -Eq '"(1[7-9]|2[0-9])\.'
}

find_python() {
    local candidate
    for candidate in "${PYTHON:-python3.11}" python3.11 python3.12 python3; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

install_packages() {
    local packages
    packages=$(missing_packages | tr '\n' ' ')
    [[ -z ${packages// /} ]] && return
    if ! command -v apt-get >/dev/null; then
        echo "Missing: $packages. This machine has no apt-get; install them in its own way and run make again." >&2
        exit 1
    fi
    if [[ $(id -u) != 0 ]]; then
        printf 'These Debian packages are missing: %s\nInstall them as root, then run make again:\n\n  sudo apt-get update && sudo apt-get install -y --no-install-recommends %s\n\n' \
            "$packages" "$packages" >&2
        exit 1
    fi
    say "Installing Debian packages: $packages"
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of names
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
}

install_venv() {
    local python stamp
    python=$(find_python) || { echo "No Python 3.11 or 3.12 with venv was found; set PYTHON to one." >&2; exit 1; }
    stamp=.venv/.installed-$(cat requirements.txt deploy/setup.sh | sha256sum | cut -c1-16)
    [[ -e $stamp ]] && return
    say "Making .venv with $("$python" --version) and the $(grep -c == requirements.txt) pins of requirements.txt"
    [[ -x .venv/bin/pip ]] || "$python" -m venv .venv
    .venv/bin/python -m pip --disable-pip-version-check install -q "uv==$uv_version"
    # uv reads its own variables, not pip's: hand on what this machine told pip
    UV_FIND_LINKS=${UV_FIND_LINKS:-${PIP_FIND_LINKS:-}} UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-}} \
        .venv/bin/uv pip install -q --python .venv/bin/python -r requirements.txt
    # The package itself, wherever python is started from. And pyspark as it was installed: Spark puts an archive of it
    # before that, out of which each Python compiles it anew, five times in a job. And garbage is looked for when there
    # are 20,000 objects more, not 700: of an import, which makes none, the search is a fourth.
    {
        echo "$PWD/include"
        echo "import sys; sys.path[:] = filter(lambda path, zips=sitedir + '/pyspark/python/lib/': not path.startswith(zips), sys.path)"
        echo "import gc; gc.set_threshold(20_000, 20, 20)"
    } >"$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tosho.pth"
    printf '#!/bin/sh\nexec "%s/.venv/bin/python" -m tosho "$@"\n' "$PWD" >.venv/bin/tosho
    chmod +x .venv/bin/tosho
    # uv, unlike pip, leaves sources uncompiled, and Python keeps what it compiles only where it may: a run starts a
    # hundred interpreters, and each would compile NumPy, Numba, MLflow and Airflow anew. Some sources are of another
    # Python's grammar; their complaints say nothing.
    .venv/bin/python -m compileall -qq -j 0 -x '/tests?/' .venv/lib || true
    rm -f .venv/.installed-* .venv/.compiled .venv/.classes-*
    touch "$stamp"
}

compile_sources() {
    .venv/bin/python -m compileall -q include plugins dags jobs
}

compile_loops() {
    local stamp=.venv/.compiled
    [[ -e $stamp && -z $(find include/tosho/features -name '*.py' -newer "$stamp") ]] && return
    say "Compiling the loops of windows and graph, so that no run waits for them"
    .venv/bin/python -c 'import tosho.features.loops'
    touch "$stamp"
}

# Half of what a short Spark job costs is loading classes. An archive that a JVM cannot use is not used: no harm is done.
archive_classes() {
    local stamp archive=.venv/spark-classes.jsa said
    has_java || return 0
    stamp=.venv/.classes-$(java -version 2>&1 | sha256sum | cut -c1-16)
    [[ -e $stamp ]] && return
    say "Archiving the classes of Spark, so that its jobs start sooner"
    rm -f .venv/.classes-* $archive
    if said=$(PATH="$PWD/.venv/bin:$PATH" PYSPARK_PYTHON=$PWD/.venv/bin/python SPARK_LOCAL_IP=127.0.0.1 \
        SPARK_SUBMIT_OPTS=$(.venv/bin/python -c 'from tosho.config.spark_jvm import ARCHIVING; print(ARCHIVING)') \
        .venv/bin/spark-submit --master 'local[1]' --conf spark.ui.enabled=false deploy/spark_classes.py 2>&1); then
        touch "$stamp"
    else
        printf 'Spark could not run its smallest job; it ended with:\n%s\n' "$(echo "$said" | grep -v ' INFO ' | tail -5)" >&2
    fi
}

install_packages
install_venv
compile_sources
compile_loops
archive_classes
