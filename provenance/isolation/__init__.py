"""Parse untrusted bytes in a process of their own, which can be killed and reaches nothing.

Decoders and manifest parsers are where hostile files do their harm, so they run in children that have no network, open no file,
start no program and have limits of memory, processor time and time. A crash, a hang or a bomb costs the one request it came
with: the child is killed and replaced, and the request is told why. What a child answers is data of a fixed form within fixed
bounds, read as strictly as an upload, because a child that parsed hostile bytes may have been taken over.

    seccomp, confinement   what a child may still do, and proof of it
    frames, wire           how parent and child talk
    setup, child, looking  what a child builds, its loop, and what it does with a request
    process, parsers       the parent's handle on one child, and the pool
    answers, examiners     what arrives; examiners and pixels, as the rest of Assay knows them

Left out: a child works on one asset after another, so one that was taken over without a trace could lie about those that follow
until it is replaced (`Limits.requests_per_process`). Signing parses its input a second time in the process that holds the key;
`Parsers.vet` has every parser here survive it first.
"""
