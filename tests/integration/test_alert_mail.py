"""The worker as it is shipped: an incident becomes a conversation of real mails in its data folder."""

from email import message_from_bytes
from email.policy import default

import pytest

from services.monitoring_api.mail_catcher.mailbox import Mailbox
from tests.integration.alert_worker import AlertWorker, wait_for

pytestmark = pytest.mark.integration

RULES = """
groups:
  - name: errors
    interval: 1s
    rules:
      - alert: TooManyErrors
        metric: error_ratio
        condition: "> 0.05"
        annotations: {summary: "error ratio {{ value | percent }}"}
"""
NOTIFICATIONS = """
channels: [{name: demo-mail, type: demo-mail}]
routes: [{channels: [demo-mail], group_wait: 0s, group_interval: 0s}]
"""


def test_an_alert_s_mails_lie_in_the_data_folder(tmp_path):
    """Firing and resolved arrive by SMTP with a picture, the second as an answer to the first, without any account."""
    with AlertWorker(tmp_path) as worker:
        worker.rules.write_text(RULES)
        worker.notifications.write_text(NOTIFICATIONS)
        worker.set_figures(error_ratio=0.9)
        worker.start()
        box = Mailbox(tmp_path)
        (first,) = wait_for(box.mails, "the mail")
        assert first.subject == "[FIRING] error ratio 90.0 %"
        assert "TooManyErrors" in first.text
        assert "TooManyErrors" in first.html
        (stored,) = box.folder.glob("*.eml")
        parts = list(message_from_bytes(stored.read_bytes(), policy=default).walk())
        (picture,) = [part.get_content() for part in parts if part.get_content_type() == "image/png"]
        assert picture.startswith(b"\x89PNG")
        worker.set_figures(error_ratio=0.0)
        end, _ = wait_for(lambda: len(box.mails()) == 2 and box.mails(), "the end")
        assert end.subject.startswith("[RESOLVED]")
        assert end.conversation == first.message_id
        code, _ = worker.stop()
        assert code == 0
