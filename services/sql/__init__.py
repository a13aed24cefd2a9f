"""What may be said of a SQL statement where everybody may read it; knows nobody of ours."""
