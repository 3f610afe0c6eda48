"""The operators' wire: generated from the .proto file beside it."""
