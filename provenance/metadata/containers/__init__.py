"""Where each image format keeps EXIF, XMP and text: one module a format, the same three functions in each.

`read(data)` never raises: what it cannot read is a flaw in the result. `write(data, ...)` and `without_manifest(data)` leave
the encoded pixels as they are, byte for byte, and raise `AssetUnreadable` on a malformed container.
"""
