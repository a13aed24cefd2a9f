"""Attributes that have a typed column in otel_traces, which is read for a fraction of what the map costs."""

from collections.abc import Mapping
from typing import Final

RESOURCE: Final = "resource."

# By the attribute's name, of a resource with `resource.` before it. A test holds this to the schema.
PROMOTED: Final[Mapping[str, str]] = {
    "http.route": "HttpRoute",
    "http.request.method": "HttpMethod",
    "http.response.status_code": "HttpStatusCode",
    "error.type": "ErrorType",
    "ml.model.name": "ModelName",
    "ml.model.version": "ModelVersion",
    "ml.variant": "ModelVariant",
    "ml.features.source": "FeaturesSource",
    "resource.service.name": "ServiceName",
    "resource.service.instance.id": "ServiceInstanceId",
}
# The column that holds numbers; of a span without the attribute it is 0.
STATUS_CODE_KEY: Final = "http.response.status_code"
