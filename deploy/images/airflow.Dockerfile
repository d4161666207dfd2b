# The image of everything in the stack that runs Python or Spark: Airflow, Spark's master and workers, MLflow.
# One image, because expressions travel between them by pickle: one version of Polars and PySpark everywhere.
# The base is a plain Python and not Airflow's own image: that one brings its own pins, and ours are the tested ones.
# Any Debian 12 base with Python 3.11 or 3.12 and `venv` serves.
ARG BASE=python:3.11-slim-bookworm

# hadolint ignore=DL3006
FROM ${BASE} AS packages
COPY deploy/images/ca/ /tmp/ca/
COPY deploy/images/airflow.requirements.txt /tmp/requirements.txt
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
RUN set -eu; \
    for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL; do eval "[ -n \"\${$name:-}\" ]" || unset "$name"; done; \
    if [ -n "$(find /tmp/ca -name '*.crt')" ]; then \
        find /etc/ssl/certs/ca-certificates.crt /tmp/ca -name '*.crt' -exec cat {} + >/tmp/bundle.crt; \
        export PIP_CERT=/tmp/bundle.crt; \
    fi; \
    python3 -m venv /opt/venv; \
    /opt/venv/bin/python -m pip install --no-cache-dir --no-compile --no-deps --requirement /tmp/requirements.txt; \
    /opt/venv/bin/python -m pip check; \
    python3 -m compileall -q -j 0 /opt/venv/lib

# hadolint ignore=DL3006
FROM ${BASE}
# Spark needs Java 17 and `ps`; LightGBM the OpenMP runtime.
# hadolint ignore=DL3008
RUN mkdir -p /usr/share/man/man1 \
    && apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 openjdk-17-jre-headless procps tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 50000 --gid 0 --home-dir /opt/airflow --shell /usr/sbin/nologin airflow \
    && install -d -o 50000 -g 0 -m 0775 /opt/airflow /opt/airflow/logs
COPY --from=packages /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/tosho/include \
    PYSPARK_PYTHON=/opt/venv/bin/python \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/tosho/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/tosho/plugins \
    HOME=/opt/airflow \
    USER=airflow
COPY deploy/images/healthy.py deploy/images/make_buckets.py deploy/images/airflow_init.sh /opt/tosho/bin/
COPY include/ /opt/tosho/include/
COPY jobs/ /opt/tosho/jobs/
COPY plugins/ /opt/tosho/plugins/
COPY dags/ /opt/tosho/dags/
# No evening waits for a compiler, nor finds out anew how far back features look. Whoever runs the image is of group 0,
# and may add what another processor needs.
RUN umask 0007 \
    && python -m compileall -q /opt/tosho \
    && python -c "from tosho.features import loops, plan, sets; [plan.plan(sets.feature_set(name)) for name in sets.feature_sets()]" \
    && chmod -R g=u /opt/airflow/.cache
ARG SOURCES=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="tosho-airflow" \
      org.opencontainers.image.description="Airflow, Spark and MLflow as Tosho runs them" \
      org.opencontainers.image.revision="${REVISION}" \
      tosho.sources="${SOURCES}"
WORKDIR /opt/airflow
USER 50000
HEALTHCHECK --interval=5m --timeout=20s CMD ["python", "-c", "import tosho.config"]
ENTRYPOINT ["/usr/bin/tini", "--"]
CMD ["airflow", "version"]
