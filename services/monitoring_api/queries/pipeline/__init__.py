"""How the pipeline itself is doing: one module for each figure, and the document they make."""
