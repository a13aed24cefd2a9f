"""Asks one question over HTTP from within the network namespace it is started in: JSON in, `[status, text]` out.

With the argument `loopback` it brings the namespace's loopback up instead, where the machine has no `ip`.
"""

import fcntl
import json
import socket
import ssl
import struct
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit, urlunsplit

_SIOCSIFFLAGS = 0x8914
_UP_AND_RUNNING = 0x1 | 0x40


def ask() -> None:
    """Read the question from standard input, print the answer."""
    question = json.load(sys.stdin)
    parts = urlsplit(question["url"])
    # Every service is here; it is asked by the name that the others know it by. A certificate is for this machine too.
    url = urlunsplit(parts._replace(netloc=f"127.0.0.1:{parts.port}"))
    trusted = ssl.create_default_context(cafile=question["ca_file"])
    headers = {"content-type": "application/json", "host": parts.netloc}
    if question["token"]:
        headers["authorization"] = f"Bearer {question['token']}"
    body = None if question["body"] is None else json.dumps(question["body"]).encode()
    request = urllib.request.Request(url, body, headers, method=question["method"])  # noqa: S310 - http only
    try:
        with urllib.request.urlopen(request, timeout=30, context=trusted) as answer:  # noqa: S310
            said = [answer.status, answer.read().decode()]
    except urllib.error.HTTPError as error:
        said = [error.code, error.read().decode()]
    except OSError as error:
        said = [0, str(error)]
    json.dump(said, sys.stdout)


def raise_loopback() -> None:
    """Set the flags of `lo`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, _SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", _UP_AND_RUNNING, b""))


if __name__ == "__main__":
    if sys.argv[1:] == ["loopback"]:
        raise_loopback()
    else:
        ask()
