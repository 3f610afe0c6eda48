"""The node as a process: gRPC, HTTP, admission and the pump."""
