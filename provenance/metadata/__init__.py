"""What a file says of itself besides its C2PA manifest: EXIF, XMP, PNG text, and the marks generators leave in them.

`declaration` writes, `marks` reads. Nothing here is signed: anyone with a text editor can forge or remove it. C2PA
stores are left to `provenance.signing` and `provenance.reader`.
"""
