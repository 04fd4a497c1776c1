"""Updates: what is installed, what is to be had, bringing it in whole or not at all, and going back.

Each kind of software has an L{brokerd.updates.updater.Updater}. None changes what is installed before what
takes its place is complete and its hash or signature is right.
"""
