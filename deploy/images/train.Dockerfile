# The image in which models are trained and sessions scored: `deploy/images/build.sh` builds it.
# Any Debian 12 base with Python 3.11 or 3.12 and `venv` serves.
ARG BASE=python:3.11-slim-bookworm
# What networks are trained on: `none` leaves torch out, `cpu` and `cuda` put it in. An index that has torch for CUDA has
# it under the same name: for `cpu`, give the wheel without (WHEELS of build.sh, or PIP_EXTRA_INDEX_URL).
ARG DEVICE=none

# hadolint ignore=DL3006
FROM ${BASE} AS packages
COPY deploy/images/ca/ /tmp/ca/
COPY deploy/images/wheels/ /tmp/wheels/
COPY deploy/images/train.requirements.txt deploy/images/networks.requirements.txt /tmp/
ARG DEVICE
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
# Wheels are chosen here, by the interpreter that will run them: two 3.11s can differ in what a marker selects.
# The packages' own tests are a tenth of their size and of no use in here.
RUN set -eu; \
    for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL; do eval "[ -n \"\${$name:-}\" ]" || unset "$name"; done; \
    if [ -n "$(find /tmp/ca -name '*.crt')" ]; then \
        find /etc/ssl/certs/ca-certificates.crt /tmp/ca -name '*.crt' -exec cat {} + >/tmp/bundle.crt; \
        export PIP_CERT=/tmp/bundle.crt; \
    fi; \
    case "$DEVICE" in \
        none) pins=/tmp/train.requirements.txt ;; \
        cpu | cuda) pins=/tmp/networks.requirements.txt ;; \
        *) echo "DEVICE is '$DEVICE'; it must be none, cpu or cuda." >&2; exit 2 ;; \
    esac; \
    python3 -m venv /opt/venv; \
    install() { /opt/venv/bin/python -m pip install --no-cache-dir --no-compile --find-links /tmp/wheels "$@"; }; \
    install --no-deps --requirement "$pins"; \
    [ "$DEVICE" != cuda ] || install "$(grep '^torch==' "$pins")"; \
    /opt/venv/bin/python -m pip check; \
    [ "$DEVICE" != none ] || /opt/venv/bin/python -m pip uninstall --yes --quiet setuptools; \
    /opt/venv/bin/python -m pip uninstall --yes --quiet pip; \
    find /opt/venv -path '*/site-packages/*' -type d -name tests -prune -exec rm -rf {} +; \
    python3 -m compileall -q -j 0 /opt/venv/lib

# hadolint ignore=DL3006
FROM ${BASE}
# LightGBM needs the OpenMP runtime. tini hands TERM on, so that a killed task ends at once.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 50001 --home-dir /tmp --shell /usr/sbin/nologin tosho
COPY --from=packages /opt/venv /opt/venv
# The user is whoever runs the task, and has no name in here: HOME and USER stand in for it. Output stays buffered:
# unbuffered, a line and its end are two writes, and a log line can come between.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/tosho/include \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    USER=tosho \
    MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /opt/tosho/jobs/train
USER 50001
HEALTHCHECK --interval=30m --timeout=2m CMD ["python", "healthy.py"]
ENTRYPOINT ["/usr/bin/tini", "-g", "--", "python"]
CMD ["--version"]
COPY include/ /opt/tosho/include/
COPY jobs/train/ /opt/tosho/jobs/train/
ARG SOURCES=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="tosho-train" \
      org.opencontainers.image.description="Trains and scores the models of Tosho" \
      org.opencontainers.image.revision="${REVISION}" \
      tosho.sources="${SOURCES}"
