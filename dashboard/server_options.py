"""Streamlit's own options, decided here and not by a config file that happens to lie about."""

from typing import Final

from dashboard.charts.palette import CATEGORIES, INK
from dashboard.settings import DashboardSettings, SignIn

THEME: Final[dict[str, object]] = {
    "theme.base": "light",
    "theme.primaryColor": "#005A8F",
    "theme.backgroundColor": "#FFFFFF",
    "theme.secondaryBackgroundColor": "#F4F6F8",
    "theme.textColor": INK,  # dark enough that captions, which Streamlit draws at 60 %, reach 4.5:1
    "theme.borderColor": "#DDE2E7",
    "theme.linkColor": "#005A8F",
    "theme.grayTextColor": "#52606D",
    "theme.greenTextColor": "#00664A",
    "theme.orangeTextColor": "#8A4B00",
    "theme.redTextColor": "#A32A00",
    "theme.baseRadius": "0.4rem",
    "theme.baseFontSize": 15,
    "theme.headingFontSizes": ["1.6rem", "1.25rem", "1.1rem"],
    "theme.headingFontWeights": [650, 650, 600],
    "theme.metricValueFontSize": "1.5rem",
    "theme.metricValueFontWeight": 600,
    "theme.paddingTop": "1rem",
    "theme.paddingBottom": "2rem",
    "theme.chartCategoricalColors": list(CATEGORIES),
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
