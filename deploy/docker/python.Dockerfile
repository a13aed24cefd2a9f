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

# uv, and the library with its dependencies, which every image has.
FROM ${BASE_IMAGE} AS base-build
ARG UV_VERSION=0.13.9
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never \
    UV_PYTHON=python3 \
    UV_NO_PROGRESS=1
WORKDIR /opt/sightglass
COPY deploy/docker/with-build-environment /usr/local/bin/with-build-environment
RUN --mount=type=secret,id=build_environment --mount=type=secret,id=build_certificates \
    python3 -m venv /opt/uv && with-build-environment /opt/uv/bin/pip install --no-cache-dir "uv==${UV_VERSION}"
COPY pyproject.toml uv.lock README.md LICENSE ./
COPY sightglass sightglass
RUN --mount=type=secret,id=build_environment --mount=type=secret,id=build_certificates \
    --mount=type=cache,target=/root/.cache/uv,sharing=locked \
    with-build-environment /opt/uv/bin/uv sync --locked --no-default-groups
COPY services/__init__.py services/__init__.py
COPY deploy/docker/ready.py deploy/docker/ready.py

FROM base-build AS ml-api-build
RUN --mount=type=secret,id=build_environment --mount=type=secret,id=build_certificates \
    --mount=type=cache,target=/root/.cache/uv,sharing=locked \
    with-build-environment /opt/uv/bin/uv sync --locked --no-default-groups --group ml-api
COPY services/web services/web
COPY services/ml_api services/ml_api
RUN with-build-environment finish

FROM base-build AS training-build
RUN --mount=type=secret,id=build_environment --mount=type=secret,id=build_certificates \
    --mount=type=cache,target=/root/.cache/uv,sharing=locked \
    with-build-environment /opt/uv/bin/uv sync --locked --no-default-groups --group ml-api --group training --group cli
COPY services/web services/web
COPY services/ml_api services/ml_api
COPY services/cli services/cli
RUN with-build-environment finish

FROM base-build AS monitoring-api-build
RUN --mount=type=secret,id=build_environment --mount=type=secret,id=build_certificates \
    --mount=type=cache,target=/root/.cache/uv,sharing=locked \
    with-build-environment /opt/uv/bin/uv sync --locked --no-default-groups --group monitoring-api
COPY services/web services/web
COPY services/monitoring_api services/monitoring_api
COPY deploy/alerting deploy/alerting
RUN with-build-environment finish

FROM base-build AS tools-build
RUN --mount=type=secret,id=build_environment --mount=type=secret,id=build_certificates \
    --mount=type=cache,target=/root/.cache/uv,sharing=locked \
    with-build-environment /opt/uv/bin/uv sync --locked --no-default-groups --group monitoring-api --group cli
COPY services services
COPY collector collector
COPY deploy/alerting deploy/alerting
COPY deploy/docker/one_clickhouse.py deploy/docker/one_clickhouse.py
RUN with-build-environment finish

FROM base-build AS dashboard-build
RUN --mount=type=secret,id=build_environment --mount=type=secret,id=build_certificates \
    --mount=type=cache,target=/root/.cache/uv,sharing=locked \
    with-build-environment /opt/uv/bin/uv sync --locked --no-default-groups --group dashboard
COPY dashboard dashboard
RUN with-build-environment finish

FROM base-build AS embedded-clickhouse-build
RUN --mount=type=secret,id=build_environment --mount=type=secret,id=build_certificates \
    --mount=type=cache,target=/root/.cache/uv,sharing=locked \
    with-build-environment /opt/uv/bin/uv sync --locked --no-default-groups --group embedded-clickhouse
COPY services/embedded_clickhouse services/embedded_clickhouse
RUN with-build-environment finish

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
        /var/lib/sightglass /var/lib/sightglass/audit /var/lib/sightglass/clickhouse /var/lib/sightglass/models \
        /var/lib/sightglass/run /var/lib/sightglass/secrets /var/lib/sightglass/tokens /var/lib/sightglass/worker
ENV PATH=/opt/sightglass/.venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    SIGHTGLASS_DATA_DIR=/var/lib/sightglass
WORKDIR /var/lib/sightglass
USER 10001:10001

FROM runtime AS ml-api
COPY --from=ml-api-build /opt/sightglass /opt/sightglass
EXPOSE 8002
CMD ["python", "-m", "services.ml_api"]

FROM runtime AS training
COPY --from=training-build /opt/sightglass /opt/sightglass
CMD ["sightglass", "models", "train"]

FROM runtime AS monitoring-api
COPY --from=monitoring-api-build /opt/sightglass /opt/sightglass
EXPOSE 8003
CMD ["python", "-m", "services.monitoring_api"]

FROM runtime AS tools
COPY --from=tools-build /opt/sightglass /opt/sightglass
ENTRYPOINT ["sightglass"]
CMD ["--help"]

FROM runtime AS dashboard
COPY --from=dashboard-build /opt/sightglass /opt/sightglass
EXPOSE 8501
CMD ["python", "-m", "dashboard"]

FROM runtime AS embedded-clickhouse
COPY --from=embedded-clickhouse-build /opt/sightglass /opt/sightglass
EXPOSE 8123
CMD ["python", "-m", "services.embedded_clickhouse"]
