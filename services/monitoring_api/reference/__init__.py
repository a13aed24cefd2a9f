"""References: how a model's features, scores and labels were distributed where it was trained."""
