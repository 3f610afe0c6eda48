"""Messages of holdfast.v1 to commands of the engine, and outcomes back to messages.

Rules of this package: it judges form, not stock, and needs no server. What leaves a
`..._from_request` is well formed in every way that the comments of protos/holdfast/v1 state;
otherwise it raises the `Fault` of the first malformed field, in the order of the message. A field's
path carries its indexes in the request. The two sides of a method stand together.
"""
