#!/bin/sh
# Writes .env for docker-compose.airflow.yml, readable by its owner alone: random secrets, and this machine's ids and
# folders. An existing file is never touched. `make_env.sh [FILE]`; JQUANTS_API_KEY is taken from the environment.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
file=${1:-$root/.env}
folder=$(cd "$(dirname "$file")" && pwd)

random() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
fernet() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n'; }

socket=/var/run/docker.sock
group=$(stat -c %g "$socket" 2>/dev/null || echo 0)
user=$(id -u)
[ "$user" -ne 0 ] || user=50000 # Airflow is not to run as root
home=${TOSHO_STACK_HOME:-$folder/.tosho/stack}

umask 077
new=$(mktemp "$folder/.env.XXXXXX")
trap 'rm -f "$new"' EXIT
cat >"$new" <<ENV
# Made by deploy/make_env.sh. Keep it secret, keep it safe: a lost key makes stored connections unreadable.
AIRFLOW_ADMIN_USER=admin
AIRFLOW_ADMIN_PASSWORD=$(random 16)
AIRFLOW_FERNET_KEY=$(fernet)
AIRFLOW_JWT_SECRET=$(random 32)
AIRFLOW_SECRET_KEY=$(random 32)
POSTGRES_PASSWORD=$(random 24)
MLFLOW_DB_PASSWORD=$(random 24)
CLICKHOUSE_PASSWORD=$(random 24)
MINIO_ROOT_USER=tosho
MINIO_ROOT_PASSWORD=$(random 24)
# Your key and plan (free, light, standard, premium).
JQUANTS_URL=https://api.jquants.com/v2
JQUANTS_API_KEY=${JQUANTS_API_KEY:-}
JQUANTS_PLAN=light
# Who runs Airflow, and the group that may speak to the Docker daemon.
AIRFLOW_UID=$user
DOCKER_SOCKET=$socket
DOCKER_GID=$group
# Shared by the stack and the containers that it starts, at the same path inside and outside.
TOSHO_HOME=$home
TOSHO_CONTAINER_RUNTIME=docker
TOSHO_CONTAINER_GPUS=0
ENV

if ! ln "$new" "$file" 2>/dev/null; then
    names() { sed -n 's/^\([A-Z_]*\)=.*/\1/p' "$1" | sort; }
    names "$new" >"$new.wanted"
    names "$file" >"$new.there"
    missing=$(comm -23 "$new.wanted" "$new.there" | tr '\n' ' ')
    rm -f "$new.wanted" "$new.there"
    [ -n "$missing" ] || { echo "$file is there already and stays as it is."; exit 0; }
    echo "$file is there already and stays as it is, but it lacks: $missing" >&2
    exit 1
fi
mkdir -p "$home"
chmod 700 "$home"
[ "$(id -u)" -ne 0 ] || chown "$user" "$home"
echo "$file made. Put your J-Quants key into it; the login of the UI is AIRFLOW_ADMIN_USER and _PASSWORD in it."
