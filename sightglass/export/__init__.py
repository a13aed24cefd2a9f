"""From a finished span or record to the receiver: queues, retries, and what got lost."""
