"""Who sends: the resource of this process."""

from importlib.metadata import PackageNotFoundError, version

from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.util.types import AnyValue


def library_version() -> str:
    """The version of the installed distribution."""
    try:
        return version("sightglass-ml")
    except PackageNotFoundError:
        return "0"


def build_resource(service_name: str, service_version: str | None) -> Resource:
    """The resource: `service.instance.id` is new for each process, and the SDK renews it in a forked child.

    Args:
        service_name: Value of `service.name`.
        service_version: Value of `service.version`, unless OTEL_RESOURCE_ATTRIBUTES says it.
    """
    values: dict[str, AnyValue] = {
        "service.name": service_name,
        "telemetry.distro.name": "sightglass",
        "telemetry.distro.version": library_version(),
    }
    if service_version and "service.version" not in OTELResourceDetector().detect().attributes:
        values["service.version"] = service_version
    return Resource.create(values)
