# The Python processes, a target for each image: ml-api, training, monitoring-api, tools, dashboard, embedded-clickhouse.
#
#   docker build -f deploy/docker/python.Dockerfile --target ml-api -t sightglass/ml-api .
#
# BASE_IMAGE is any image with Python 3.11 or newer and its venv module; name it by digest (python@sha256:...) where a build must be
# repeatable to the byte. Everything above Python is pinned by uv.lock.
#
# Behind a proxy or a mirror, hand in what pip and uv are told on this machine, as secrets that no layer keeps:
#   --secret id=build_environment,src=FILE   lines NAME=value: UV_DEFAULT_INDEX, PIP_INDEX_URL, SSL_CERT_FILE=/run/secrets/build_certificates...
#   --secret id=build_certificates,src=FILE  a bundle of certificate authorities
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS base-build
ARG UV_VERSION=0.13.9
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never \
    UV_PYTHON=python3 \
    UV_NO_PROGRESS=1
WORKDIR /opt/sightglass
COPY deploy/docker/build-step /usr/local/bin/build-step
RUN --mount=type=secret,id=build_environment --mount=type=secret,id=build_certificates \
    build-step uv "${UV_VERSION}"
COPY pyproject.toml uv.lock README.md LICENSE ./

# What each image depends on: layers that last until uv.lock changes.
FROM base-build AS ml-api-dependencies
RUN --mount=type=secret,id=build_environment --mount=type=secret,id=build_certificates \
    --mount=type=cache,target=/root/.cache/uv,sharing=locked \
    build-step dependencies ml-api

FROM base-build AS training-dependencies
RUN --mount=type=secret,id=build_environment --mount=type=secret,id=build_certificates \
    --mount=type=cache,target=/root/.cache/uv,sharing=locked \
    build-step dependencies ml-api training cli

FROM base-build AS monitoring-api-dependencies
RUN --mount=type=secret,id=build_environment --mount=type=secret,id=build_certificates \
    --mount=type=cache,target=/root/.cache/uv,sharing=locked \
    build-step dependencies monitoring-api

FROM base-build AS tools-dependencies
RUN --mount=type=secret,id=build_environment --mount=type=secret,id=build_certificates \
    --mount=type=cache,target=/root/.cache/uv,sharing=locked \
    build-step dependencies monitoring-api ml-api cli reference

FROM base-build AS dashboard-dependencies
RUN --mount=type=secret,id=build_environment --mount=type=secret,id=build_certificates \
    --mount=type=cache,target=/root/.cache/uv,sharing=locked \
    build-step dependencies dashboard

FROM base-build AS embedded-clickhouse-dependencies
RUN --mount=type=secret,id=build_environment --mount=type=secret,id=build_certificates \
    --mount=type=cache,target=/root/.cache/uv,sharing=locked \
    build-step dependencies embedded-clickhouse

# Our own code, of each image what it runs.
FROM base-build AS library
COPY sightglass sightglass
RUN --mount=type=secret,id=build_environment --mount=type=secret,id=build_certificates \
    --mount=type=cache,target=/root/.cache/uv,sharing=locked \
    build-step library
COPY deploy/docker/ready.py /opt/code/deploy/docker/ready.py
COPY services/__init__.py /opt/code/services/__init__.py

FROM library AS ml-api-code
COPY services/web /opt/code/services/web
COPY services/ml_api /opt/code/services/ml_api
RUN build-step finish

FROM library AS training-code
COPY services/web /opt/code/services/web
COPY services/ml_api /opt/code/services/ml_api
COPY services/cli /opt/code/services/cli
RUN build-step finish

FROM library AS monitoring-api-code
COPY services/web /opt/code/services/web
COPY services/sql /opt/code/services/sql
COPY services/monitoring_api /opt/code/services/monitoring_api
COPY deploy/alerting /opt/code/deploy/alerting
RUN build-step finish

FROM library AS tools-code
COPY services /opt/code/services
COPY collector /opt/code/collector
# Of the dashboard its settings alone: where it is follows from them, and `sightglass settings` lists them.
COPY dashboard/__init__.py dashboard/settings.py /opt/code/dashboard/
COPY deploy/alerting /opt/code/deploy/alerting
COPY deploy/docker/one_clickhouse.py /opt/code/deploy/docker/one_clickhouse.py
RUN build-step finish

FROM library AS dashboard-code
COPY dashboard /opt/code/dashboard
RUN build-step finish

FROM library AS embedded-clickhouse-code
COPY services/sql /opt/code/services/sql
COPY services/embedded_clickhouse /opt/code/services/embedded_clickhouse
RUN build-step finish

# What every final image is: Python, a user without rights, the folders that volumes are mounted on.
FROM ${BASE_IMAGE} AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Sightglass" \
      org.opencontainers.image.description="OpenTelemetry for machine-learning services in production" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN groupadd --gid 10001 sightglass \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/sightglass --shell /usr/sbin/nologin sightglass \
    && install -d -m 0700 -o 10001 -g 10001 \
        /var/lib/sightglass /var/lib/sightglass/audit /var/lib/sightglass/clickhouse /var/lib/sightglass/mail \
        /var/lib/sightglass/models /var/lib/sightglass/run /var/lib/sightglass/secrets /var/lib/sightglass/tokens /var/lib/sightglass/worker
ENV PATH=/opt/sightglass/.venv/bin:/opt/sightglass/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/sightglass \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    SIGHTGLASS_DATA_DIR=/var/lib/sightglass
WORKDIR /var/lib/sightglass
USER 10001:10001

FROM runtime AS ml-api
COPY --from=ml-api-dependencies /opt/sightglass/.venv /opt/sightglass/.venv
COPY --from=ml-api-code /opt/code /opt/sightglass
EXPOSE 8002
CMD ["python", "-m", "services.ml_api"]

FROM runtime AS training
COPY --from=training-dependencies /opt/sightglass/.venv /opt/sightglass/.venv
COPY --from=training-code /opt/code /opt/sightglass
CMD ["sightglass", "models", "train"]

FROM runtime AS monitoring-api
COPY --from=monitoring-api-dependencies /opt/sightglass/.venv /opt/sightglass/.venv
COPY --from=monitoring-api-code /opt/code /opt/sightglass
EXPOSE 8003
CMD ["python", "-m", "services.monitoring_api"]

FROM runtime AS tools
COPY --from=tools-dependencies /opt/sightglass/.venv /opt/sightglass/.venv
COPY --from=tools-code /opt/code /opt/sightglass
ENTRYPOINT ["sightglass"]
CMD ["--help"]

FROM runtime AS dashboard
COPY --from=dashboard-dependencies /opt/sightglass/.venv /opt/sightglass/.venv
COPY --from=dashboard-code /opt/code /opt/sightglass
EXPOSE 8501
CMD ["python", "-m", "dashboard"]

FROM runtime AS embedded-clickhouse
COPY --from=embedded-clickhouse-dependencies /opt/sightglass/.venv /opt/sightglass/.venv
COPY --from=embedded-clickhouse-code /opt/code /opt/sightglass
EXPOSE 8123
CMD ["python", "-m", "services.embedded_clickhouse"]
