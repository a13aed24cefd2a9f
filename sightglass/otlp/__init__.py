"""OTLP's protobuf messages, written directly: a tenth of the cost of message objects (docs/decisions/0005)."""
