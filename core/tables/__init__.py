"""The state of a shard, and the code that changes it; imports kernels."""
