"""The disk spool: log records wait in files, so that they outlive an outage of the receiver and a kill of the process.

Each process has a folder of its own, which it locks as long as it lives, and in it segments: files of records, one of
which is written to. A segment is one export, and is deleted once it was delivered. A process also takes over folders
that nobody locks any more. So delivery is at least once, and readers tell repetitions by identity.
"""
