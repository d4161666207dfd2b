#!/bin/sh
# Builds an image of the project: deploy/images/build.sh [train|airflow] [tag]
#
# From the environment, all optional: BASE (base image), DEVICE (none, cpu or cuda: with torch, for networks), WHEELS (a
# folder of wheels that are taken before an index's, such as torch without CUDA), DOCKER_HOST, BUILD_NETWORK (network of the build's commands;
# `host` where only the host has a way out), PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, and in PIP_CERT or SSL_CERT_FILE
# a bundle of certificates, trusted during the build and not kept.
set -eu

what=${1:-train}
tag=${2:-tosho-$what:latest}
root=$(cd "$(dirname "$0")/../.." && pwd)
[ -f "$root/deploy/images/$what.Dockerfile" ] || {
    echo "There is no image '$what': deploy/images/$what.Dockerfile does not exist." >&2
    exit 2
}

cd "$root"
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)

# A copy of what the image needs, so that certificates can join it without touching the checkout.
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
trap 'exit 130' INT TERM
tar --exclude='__pycache__' --exclude='*.egg-info' -cf - \
    .dockerignore requirements.txt deploy/images include jobs $([ "$what" = train ] || echo dags plugins) |
    tar -xf - -C "$context"
chmod -R a+rX "$context/include" "$context/jobs"
digest=$(cd "$context" && find include jobs/train -name '*.py' -type f | LC_ALL=C sort | tr '\n' '\0' | xargs -0 sha256sum | sha256sum | cut -c1-16)
bundle=${PIP_CERT:-${SSL_CERT_FILE:-}}
[ -z "$bundle" ] || cp "$bundle" "$context/deploy/images/ca/host.crt"

[ -z "${WHEELS:-}" ] || cp "$WHEELS"/*.whl "$context/deploy/images/wheels/"

set -- --file "$context/deploy/images/$what.Dockerfile" --tag "$tag" \
    --build-arg "SOURCES=$digest" --build-arg "REVISION=$revision" --network "${BUILD_NETWORK:-default}"
for name in BASE DEVICE PIP_INDEX_URL PIP_EXTRA_INDEX_URL; do
    eval "value=\${$name:-}"
    [ -z "$value" ] || set -- "$@" --build-arg "$name=$value"
done
docker build "$@" "$context"
