"""The connections of the HTTP exporters."""

from typing import Any

import requests


class ExportSession(requests.Session):
    """A session whose own authorities win over REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE.

    `requests` lets those win, so that on a machine that has them OTEL_EXPORTER_OTLP_CERTIFICATE would do nothing.
    """

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """As the base class, but a file that the session was given is kept."""
        return super().merge_environment_settings(url, proxies, stream, self.verify if verify is None else verify, cert)
