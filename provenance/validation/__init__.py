"""What validating a manifest takes beyond the SDK: formats, chains, history and contradictions within one store.

Pure functions over bytes and the SDK's JSON; `provenance.reader` calls them and returns their evidence.
"""
