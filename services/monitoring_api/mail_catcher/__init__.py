"""The demo's mail server: it takes mails on loopback and keeps them as files, so that nobody needs an account."""
