"""Whom we trust: lists of anchors and where they come from, certificates no longer believed, and paths that lead to an anchor.

`store` holds the lists in force and answers who is on which; `snapshots` reads the dated lists that are shipped or installed,
`updates` takes in newer ones, `revocation` is the operator's own list, `certificate_path` judges a chain at a time. Nothing
here follows an address.
"""
