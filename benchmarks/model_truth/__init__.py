"""How fast the truth about a model is: performance over millions of labelled predictions, and what keeping it costs."""
