"""The guide's channels are the code's: every key is explained, examples are files, its receiver knows what is ours."""

import re
import textwrap
import time
from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr

from services.monitoring_api.notify.channel_config import ChannelConfig
from services.monitoring_api.notify.channel_registry import AnyChannel
from services.monitoring_api.notify.notification_file import load_notifications
from services.monitoring_api.notify.signature import sign

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "notifications.md").read_text(encoding="utf-8")
CONFIGS = {get_args(one.model_fields["type"].annotation)[0]: one for one in get_args(get_args(AnyChannel)[0])}
# Explained once for all that call a URL, and a key that is only there to be refused.
ELSEWHERE = {*ChannelConfig.model_fields, "type", "allow", "allow_private"}
REFUSED = {("slack", "url")}


def section(kind: str) -> str:
    """What the guide says of a channel."""
    return GUIDE.split(f"### `{kind}`\n")[1].split("\n### ")[0].split("\n## ")[0]


@pytest.mark.parametrize("kind", CONFIGS)
def test_every_key_is_explained(kind):
    """In its channel's section, by the name that the file has it by."""
    for name, field in CONFIGS[kind].model_fields.items():
        if name not in ELSEWHERE and (kind, name) not in REFUSED:
            assert f"`{field.alias or name}`" in section(kind), name
    for name in (*ChannelConfig.model_fields, "allow", "allow_private"):
        assert f"`{name}`" in GUIDE


def test_every_example_is_a_file(tmp_path):
    """Each block that begins with `channels:` is read without an error."""
    blocks = re.findall(r"(?m)^    channels:\n(?:(?:    .*)?\n)+", GUIDE)
    assert len(blocks) >= 2
    for number, block in enumerate(blocks):
        path = tmp_path / f"{number}.yaml"
        path.write_text(textwrap.dedent(block))
        assert load_notifications(path).channels


def test_the_guide_s_receiver_knows_what_is_ours():
    """It takes our signature, and neither another body, another key nor an old message."""
    code = GUIDE.split("```python\n")[1].split("```")[0]
    names: dict = {}
    exec(code, names)  # noqa: S102 - the guide's own
    now = time.time()
    header = sign(SecretStr("key"), b"body", now)
    assert names["is_ours"](header, b"body", "key")
    assert not names["is_ours"](header, b"another", "key")
    assert not names["is_ours"](header, b"body", "another")
    assert not names["is_ours"](sign(SecretStr("key"), b"body", now - 400), b"body", "key")
