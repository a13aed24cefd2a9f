"""Links of mails."""

from dashboard.mail_links import MOST, links_of

HISTORY = "http://d.test/history?metric=a&from=now-1h"


def test_links_of_a_page_have_their_words_and_lead_to_pages() -> None:
    """Entities are read, other schemes and repetitions left out; another place has no page."""
    page = (
        f"<a class=x href='{HISTORY.replace('&', '&amp;')}'>Open <b>it</b></a><a href='javascript:alert(1)'>no</a>"
        f"<a name=here>nor this</a><a href='https://elsewhere.test/'>Runbook<a href='{HISTORY}'>again</a>"
    )
    opened, runbook = links_of(page, "ignored")
    assert (opened.label, opened.page, opened.query) == ("Open it", "history", {"metric": ["a"], "from": ["now-1h"]})
    assert (runbook.label, runbook.url, runbook.page) == ("Runbook", "https://elsewhere.test/", "")


def test_links_of_a_text_stand_on_lines_of_their_own() -> None:
    """Behind their name, or without one; a link within a sentence is none."""
    text = f"Fires.\nSee http://x.test/alerts?a=b there\nSilence: http://d.test/alerts?alert=1\n\n{HISTORY}\n"
    assert [(link.label, link.page) for link in links_of("", text)] == [
        ("Silence", "alerts"),
        ("Open the dashboard", "history"),
    ]


def test_a_mail_full_of_links_shows_some() -> None:
    """Whoever writes a mail can't fill the page."""
    assert len(links_of("", "".join(f"http://d.test/alerts?alert={n}\n" for n in range(500)))) == MOST
