"""The test: what the pixels say, as a calibrated log-likelihood ratio with its operating point.

Sees only `provenance.{asset,pixels,evidence,errors}`. The scoring road (`views`, `cards`, `engines`, `scoring`, `examiner`)
needs numpy, Pillow and onnxruntime; training, export and the torch engine import torch and timm when they are called.
"""
