#!/bin/sh
# Run once by the Postgres image, when its data folder is new: MLflow gets a database and a user of its own.
set -eu
psql --set=ON_ERROR_STOP=1 --set=password="$MLFLOW_DB_PASSWORD" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE mlflow LOGIN PASSWORD :'password';
CREATE DATABASE mlflow OWNER mlflow;
SQL
