"""The service: composition, I/O, HTTP, queue and command line."""
