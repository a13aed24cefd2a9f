"""The ML API, as the monitoring API asks it: with the caller's own rights, within a deadline."""

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
from opentelemetry import propagate

from services.web.access.delegation import ROLE_HEADER, USER_HEADER
from services.web.certificates import is_untrusted
from services.web.problems import PROBLEM_MEDIA_TYPE, TooSlow, Unavailable

_FORWARDED: Final = frozenset(name.lower().encode() for name in ("Authorization", USER_HEADER, ROLE_HEADER))
_KEPT: Final = ("content-type", "retry-after", "www-authenticate")
_LOOK: Final = "GET /v1/models of the ML API shows which version is active."
_LARGEST_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What the ML API said: a success, or a problem that is the caller's."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class MlApi:
    """A client that is connected at the first question.

    Args:
        url: The ML API's base URL.
        deadline_seconds: Longest wait for an answer.
        ca_file: Certificate authorities for HTTPS; None for the system's.
        transport: Instead of the network.
    """

    def __init__(
        self,
        url: str,
        *,
        deadline_seconds: float,
        ca_file: Path | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._deadline_seconds = deadline_seconds
        self._ca_file = ca_file
        self._transport = transport
        self._client: httpx.AsyncClient | None = None

    async def promote(self, name: str, version: str, headers: Iterable[tuple[bytes, bytes]]) -> Answer:
        """Let another version of a model answer.

        Args:
            name: The model.
            version: The version.
            headers: The caller's, names in lower case; their authorization, and for whom they ask, go along.

        Raises:
            Unavailable: The ML API can't be reached, or failed.
            TooSlow: It did not answer in time; it may still do it.
        """
        context: dict[str, str] = {}
        propagate.inject(context)
        own = [(key, value) for key, value in headers if key in _FORWARDED]
        own += [(key.encode(), value.encode()) for key, value in context.items()]
        path = f"{self._url}/v1/models/{quote(name, safe='')}/promote"
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await self._post(path, {"version": version}, own)
        except (TimeoutError, httpx.TimeoutException):
            raise TooSlow(f"The ML API did not answer in time, and may still do it. {_LOOK}") from None
        except httpx.ConnectError as error:
            if is_untrusted(error):
                raise Unavailable(
                    "The ML API's certificate is not trusted; SIGHTGLASS_TLS_CA_FILE names the authorities that are."
                ) from None
            raise Unavailable("The ML API can't be reached; nothing was changed.") from None
        except (httpx.UnsupportedProtocol, httpx.InvalidURL):
            raise Unavailable("SIGHTGLASS_MONITORING_API_ML_API_URL is no URL that can be asked.") from None
        except httpx.HTTPError:
            raise Unavailable(f"The ML API broke off its answer. {_LOOK}") from None

    async def close(self) -> None:
        """Let the connections go."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _post(self, url: str, body: Mapping[str, Any], headers: list[tuple[bytes, bytes]]) -> Answer:
        client = self._connected()
        async with client.stream("POST", url, json=body, headers=headers) as answer:
            read = bytearray()
            async for chunk in answer.aiter_bytes():
                read += chunk
                if len(read) > _LARGEST_BYTES:
                    raise Unavailable("The ML API's answer is too long to be one.")
        return _judged(answer, bytes(read))

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            verify = ssl.create_default_context(cafile=self._ca_file) if self._ca_file is not None else True
            self._client = httpx.AsyncClient(
                verify=verify,
                trust_env=False,
                timeout=self._deadline_seconds,
                # Promotions are rare: a connection kept from the last one would be dead by now.
                limits=httpx.Limits(max_connections=10, max_keepalive_connections=0),
                transport=self._transport,
            )
        return self._client


def _judged(answer: httpx.Response, body: bytes) -> Answer:
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip()
    if answer.is_success and media_type == "application/json":
        return Answer(answer.status_code, body, _kept(answer))
    if answer.is_client_error and media_type == PROBLEM_MEDIA_TYPE:
        return Answer(answer.status_code, body, _kept(answer))
    if answer.status_code == HTTPStatus.GATEWAY_TIMEOUT:
        raise TooSlow(f"The ML API did not manage in time. {_LOOK}")
    raise Unavailable(
        f"What answers at SIGHTGLASS_MONITORING_API_ML_API_URL failed ({answer.status_code}). If it is the ML API, its "
        "log says why."
    )


def _kept(answer: httpx.Response) -> dict[str, str]:
    return {name: answer.headers[name] for name in _KEPT if name in answer.headers}
