"""Alert rules, their evaluation, the pure state machine and the durable store of its states."""
