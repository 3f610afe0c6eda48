"""What stands between the wire and an endpoint: a server of gRPC."""
