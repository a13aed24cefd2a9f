"""What the browser is told it may run."""

from dashboard.content_policy import content_policy, streamlit_page


def test_inline_scripts_of_the_page_are_allowed_by_their_text() -> None:
    """By hash, each one; scripts from files need none, and an empty page allows none."""
    page = (
        "<script>\nlet a = 1;\n</script><script src='./a.js'></script><script type='module'></script><script>c</script>"
    )
    directive = content_policy(page).split("; ")[1]
    assert directive == (
        "script-src 'self' 'sha256-wCpX6PRaV2tYabHPuD0EVrhGyeiYQpOhQOJ8OhOtDwA=' "
        "'sha256-Ln0sA6lQeuJl7PW1NWiFpTOTogKdJBOUmXJloaJa78Y='"
    )
    assert content_policy("").split("; ")[1] == "script-src 'self'"


def test_the_installed_streamlits_page_needs_nothing_unsafe() -> None:
    """What it has inline is found."""
    page = streamlit_page()
    assert page.count("<script>") == content_policy(page).count("'sha256-") > 0
