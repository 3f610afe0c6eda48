"""The process that writes the journal: the node's end, the process, and what they say."""
