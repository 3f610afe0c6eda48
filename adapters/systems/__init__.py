"""One file for each outside system that speaks a language of its own."""
