"""What goes into a file around the manifest the SDK lays out: signature, time-stamp, the issuer's answer, a named actor.

`seal` makes them and `placement` puts them into the bytes; `timestamps` and `certificate_status` say by what policy.
"""
