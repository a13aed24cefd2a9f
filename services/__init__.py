"""The processes of Sightglass; each meets the others over OTLP, SQL and HTTP only."""
