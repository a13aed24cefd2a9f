"""Every question that is asked of ClickHouse: functions that return a `Query`, and what is made of the rows."""
