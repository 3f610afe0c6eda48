"""Messages of holdfast.v1 to commands of the engine, and outcomes back."""
