"""Pages in a browser: photographs without landmarks are annotated, results are corrected."""
