"""The entry points of the Lambda functions: wiring only, no decisions."""

import gc

# As many objects as a delivery of 6 MB makes. Nothing that is imported goes again, and what an
# invocation makes goes as soon as nobody refers to it. The garbage collector, which looks for what
# refers to itself, took a fourteenth of a cold start, and of a large delivery.
gc.set_threshold(200_000)
