"""The wire: message types and stubs generated from the .proto files beside them."""
