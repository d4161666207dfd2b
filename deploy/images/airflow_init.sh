#!/bin/sh
# Brings the database up to date and makes the administrator; runs again without harm.
set -eu
airflow db migrate
airflow users create --username "$AIRFLOW_ADMIN_USER" --password "$AIRFLOW_ADMIN_PASSWORD" --role Admin \
    --firstname Tosho --lastname Operator --email operator@localhost
