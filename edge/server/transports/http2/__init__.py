"""gRPC over libnghttp2: HTTP/2 is the library's, what gRPC adds to it is here."""
