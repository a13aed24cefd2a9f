"""`sightglass labels load`: the true labels of a CSV or Parquet file, sent like any other label."""
