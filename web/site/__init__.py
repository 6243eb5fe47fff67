"""The page that places landmarks in the browser: a folder of files that any host can serve."""
