"""The demo's mails over HTTP."""

from email.message import EmailMessage

from services.monitoring_api.mail_catcher.mailbox import Mailbox

from .place import NOW


def _mail(subject, html="", text="plain"):
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "a@example.org", "b@example.org"
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message.as_bytes()


def test_mails_are_listed_newest_first_as_they_came(place):
    """Both parts, as texts; what is too long for a page is left out, and says so by its size."""
    mailbox = Mailbox(place.folder)
    mailbox.open(1)
    mailbox.keep(_mail("first", "<b>x</b><script>alert(1)</script>"), NOW)
    mailbox.keep(_mail("second", "<p>" + "y" * 400_000), NOW + 1)
    newest, oldest = place.get("/mails")["mails"]
    assert (oldest["subject"], oldest["sender"], oldest["to"]) == ("first", "a@example.org", "b@example.org")
    assert oldest["received_at"] == "1970-01-01T02:46:40Z"
    assert (oldest["text"].strip(), oldest["html"].strip()) == ("plain", "<b>x</b><script>alert(1)</script>")
    assert (newest["subject"], newest["html"]) == ("second", "")
    assert newest["size_bytes"] > 400_000
    assert [mail["subject"] for mail in place.get("/mails", limit=1)["mails"]] == ["second"]


def test_without_a_mail_server_there_are_none(empty):
    """An empty list, and 422 for a limit that is none."""
    assert empty.get("/mails") == {"mails": []}
    assert empty.client.get("/api/v1/mails?limit=0").json()["errors"][0]["field"] == "limit"
