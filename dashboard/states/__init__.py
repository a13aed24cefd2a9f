"""The whole state of each page, and its spelling in the URL's query parameters.

Names are the monitoring API's own (`from`, `to`, `step`, `tz`, `group_by`, `filter`). A parameter that cannot be read
falls back to its default and is reported, so that a mistyped link still opens.
"""
