"""The requirements of the C2PA conformance programme's asset rubric, as checks over crJSON.

`rubric.evaluate` is the way in.
"""
