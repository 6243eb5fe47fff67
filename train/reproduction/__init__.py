"""The paper's experiments on any data set, and their report."""
