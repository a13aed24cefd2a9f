"""Streamlit's own options, decided here and not by a config file that happens to lie about."""

from typing import Final

from dashboard.charts import palette
from dashboard.settings import DashboardSettings, SignIn

_SHAPE: Final[dict[str, object]] = {
    "theme.baseRadius": "0.4rem",
    "theme.baseFontSize": 15,
    "theme.headingFontSizes": ["1.6rem", "1.25rem", "1.1rem"],
    "theme.headingFontWeights": [650, 650, 600],
    "theme.metricValueFontSize": "1.5rem",
    "theme.metricValueFontWeight": 600,
    "theme.paddingTop": "1rem",
    "theme.paddingBottom": "2rem",
}
_LIGHT: Final[dict[str, object]] = {
    "primaryColor": "#005A8F",
    "backgroundColor": palette.PAPER,
    "secondaryBackgroundColor": palette.PANEL,
    "textColor": palette.INK,  # dark enough that captions, which Streamlit draws at 60 %, reach 4.5:1
    "borderColor": "#DDE2E7",
    "linkColor": "#005A8F",
    "grayTextColor": palette.MUTED,
    "greenTextColor": "#00664A",
    "orangeTextColor": "#8A4B00",
    "redTextColor": "#A32A00",
    "chartCategoricalColors": list(palette.CATEGORIES),
}
_DARK: Final[dict[str, object]] = {
    # Streamlit writes with it on dark ground, and white on it: no colour does for both. `dashboard.views.look` sees to
    # what is written on it.
    "primaryColor": "#6CB4EC",
    "backgroundColor": palette.NIGHT,
    "secondaryBackgroundColor": palette.NIGHT_PANEL,
    "textColor": palette.DARK[palette.INK],
    "borderColor": "#2F3B47",
    "linkColor": "#7CC4F8",
    "grayTextColor": palette.DARK[palette.MUTED],
    "greenTextColor": "#6FD3AE",
    "orangeTextColor": "#F2B36B",
    "redTextColor": "#FF9B7A",
    "chartCategoricalColors": [palette.DARK[colour] for colour in palette.CATEGORIES],
}
# One theme with two looks. Without `theme.base` the viewer's system decides; the main menu lets them choose.
THEME: Final[dict[str, object]] = {
    **_SHAPE,
    **{f"theme.light.{name}": value for name, value in _LIGHT.items()},
    **{f"theme.dark.{name}": value for name, value in _DARK.items()},
}


def server_options(settings: DashboardSettings) -> dict[str, object]:
    """Every option that differs from Streamlit's default.

    Args:
        settings: where to listen and how, and how people sign in.
    """
    secrets = [str(settings.oidc_file)] if settings.way is SignIn.OIDC else []
    tls = {"server.sslCertFile": str(settings.tls_cert_file), "server.sslKeyFile": str(settings.tls_key_file)}
    return {
        "server.address": settings.host,
        "server.port": settings.port,
        "server.headless": True,  # never opens a browser, never asks for an e-mail address
        "server.showEmailPrompt": False,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.enableXsrfProtection": True,
        "server.enableCORS": True,  # in Streamlit's words: refuse other origins
        "server.allowedHosts": [],  # the edge in front of it judges every request, by one rule
        "server.maxUploadSize": 1,
        # Who somebody is, is never taken from a header; without a browser nobody asks.
        "server.trustedUserHeaders": {},
        "server.enableAgentApi": False,
        # No secrets file that happens to lie about can say who may sign in.
        "secrets.files": secrets,
        **(tls if settings.tls_cert_file else {}),
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "runner.magicEnabled": False,
        "logger.level": "warning",
        "logger.hideWelcomeMessage": True,
        **THEME,
    }
